"""The language server as an editor meets it: a process of its own, asked over the protocol."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from tests.lsp.editor import Editor, edit

TEXT = """# 𝔸 small net, with a letter of two UTF-16 units in its comment.
from std.resnet import BasicBlock

# Halves the map.
block Down(width: int, act = relu) {
  conv(width, 3, stride=2, pad=1) -> act
}

net Small(classes: int = 10) {
  input image [3, 32, 32]
  stem = conv(16, 3, pad=1) -> relu
  Down(width=32)
  layer1 = { BasicBlock(32);  BasicBlock(32) }
  let total = stem + 1
  global_avgpool -> flatten
  output logits = linear(classes)
}

train {
  data digits(size=32)
  loss cross_entropy(logits)
}
"""


def test_mistakes_and_their_mends(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        editor.open("net N {\n  input x [3, 8, 8]\n  𝔸\n  covn(8, 3)\n}\n")
        found = await editor.findings(lambda said: len(said) == 1)
        assert [(one.code, one.range.start.line) for one in found] == [("E0102", 2)]
        editor.write("net N {\n  input x [3, 8, 8]\n  covn(8, 3)\n}\n")
        (wrong,) = await editor.findings(lambda said: any(one.code == "E0202" for one in said))
        assert wrong.range == types.Range(types.Position(2, 2), types.Position(2, 6))
        assert wrong.severity == types.DiagnosticSeverity.Error
        context = types.CodeActionContext([wrong])
        params = types.CodeActionParams(editor.document, wrong.range, context)
        (action,) = await editor.client.text_document_code_action_async(params) or ()
        (change,) = action.edit.changes[editor.uri]  # type: ignore[union-attr, index]
        assert (change.range, change.new_text) == (wrong.range, "conv")
        editor.write(editor.text.replace("covn", "conv"))
        assert await editor.findings() == []

    edit(tmp_path, work)


def test_both_ends_of_what_does_not_fit(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        editor.open("net N {\n  input x [3, 8, 8]\n  a = conv(4, 3)\n  b = conv(8, 3)\n  a + b\n}\n")
        (wrong,) = await editor.findings(lambda said: bool(said))
        assert wrong.range.start.line == 4
        assert {one.location.range.start.line for one in wrong.related_information or ()} <= {1, 2, 3, 4}

    edit(tmp_path, work)


def test_warnings_come_when_the_typing_pauses_and_can_be_allowed(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        editor.open("net N {\n  input x [3, 8, 8]\n  conv(8, 3) -> batchnorm\n}\n")
        (doubt,) = await editor.findings(lambda said: bool(said))
        assert (doubt.code, doubt.severity) == ("W0301", types.DiagnosticSeverity.Warning)
        params = types.CodeActionParams(editor.document, doubt.range, types.CodeActionContext([doubt]))
        actions = {one.title: one for one in await editor.client.text_document_code_action_async(params) or ()}
        (change,) = actions["Allow W0301 on this line"].edit.changes[editor.uri]  # type: ignore[union-attr, index]
        assert change.new_text == "  # allow W0301"
        editor.write("net N {\n  input x [3, 8, 8]\n  conv(8, 3) -> batchnorm  # allow W0301\n}\n")
        assert await editor.findings() == []

    edit(tmp_path, work)


def test_a_mistake_in_an_imported_file_shows_at_the_import(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    blocks = tmp_path / "blocks.net"
    blocks.write_text("block B {\n  conv(8, 3)\n}\n")

    async def work(editor: Editor) -> None:
        editor.open('from "blocks.net" import B\n\nnet N {\n  input x [3, 8, 8]\n  B\n}\n')
        assert await editor.findings() == []
        assert await editor.hints() == {5: "[8, 6, 6]"}
        uri = blocks.as_uri()
        editor.open("block B {\n  conv(8, 30)\n}\n", uri)  # as it is in the editor, not on the disk
        (wrong,) = await editor.findings(lambda said: bool(said))
        assert wrong.range.start.line == 4
        assert next(one.location.uri for one in wrong.related_information or ()) == uri
        assert await editor.hints() == {}

    edit(tmp_path, work)


def test_everything_that_is_asked_of_a_file(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        client, document = editor.client, editor.document
        editor.open(TEXT)
        assert await editor.hints() == {
            6: "[32, 16, 16]",
            11: "[16, 32, 32]",
            12: "[32, 16, 16]",
            13: "[32, 16, 16]",
            14: "[16, 32, 32]",
            15: "[32]",
            16: "[10]",
        }
        place = editor.place

        shown = await client.text_document_hover_async(types.HoverParams(document, place("conv(16")))
        assert "channels" in shown.contents.value  # type: ignore[union-attr]
        assert "432 = " in shown.contents.value.replace("16 * 3 * 3 * 3 = 432", "432 = ")  # type: ignore[union-attr]
        shown = await client.text_document_hover_async(types.HoverParams(document, place("cross_entropy")))
        assert "label_smoothing" in shown.contents.value  # type: ignore[union-attr]
        shown = await client.text_document_hover_async(types.HoverParams(document, place("Down(width=32")))
        assert "Halves the map." in shown.contents.value  # type: ignore[union-attr]

        offered = await client.text_document_completion_async(types.CompletionParams(document, place("3, stride=2")))
        labels = [one.label for one in offered]  # type: ignore[union-attr]
        assert labels[:3] == ["channels=", "kernel=", "pad_mode="] or "kernel=" in labels

        where = await client.text_document_definition_async(types.DefinitionParams(document, place("BasicBlock(32)")))
        assert where.uri.endswith("std/resnet.net")  # type: ignore[union-attr]
        where = await client.text_document_definition_async(types.DefinitionParams(document, place("width=32")))
        assert where.range.start == place("width: int")  # type: ignore[union-attr]

        context = types.ReferenceContext(True)
        params = types.ReferenceParams(context, document, place("logits = "))
        found = await client.text_document_references_async(params)
        assert [one.range.start for one in found or ()] == [place("logits = "), place("logits)")]

        outline = await client.text_document_document_symbol_async(types.DocumentSymbolParams(document))
        assert [one.name for one in outline or ()] == ["Down", "Small", "train"]
        net = outline[1]  # type: ignore[index]
        assert [one.name for one in net.children or ()] == ["image", "stem", "layer1", "logits"]  # type: ignore[union-attr]

        folds = await client.text_document_folding_range_async(types.FoldingRangeParams(document))
        assert [(one.start_line, one.end_line) for one in folds or ()] == [(4, 5), (8, 15), (18, 20)]

        helped = await client.text_document_signature_help_async(types.SignatureHelpParams(document, place("size=32")))
        assert helped.signatures[0].label.startswith("digits(")  # type: ignore[union-attr]

        colours = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(document))
        assert len(colours.data) > 200  # type: ignore[union-attr]

        options = types.FormattingOptions(2, True)
        params = types.DocumentFormattingParams(document, options)
        assert await client.text_document_formatting_async(params) == ()
        editor.write(TEXT.replace("conv(16, 3, pad=1)", "conv( 16,3,pad = 1 )"))
        (change,) = await client.text_document_formatting_async(params) or ()
        assert change.new_text == TEXT

    edit(tmp_path, work)


def test_parameters_and_fields_stand_beside_shapes_where_they_are_wanted(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        editor.open("net N {\n  input x [3, 8, 8]\n  conv(8, 3)\n  relu\n}\n")
        assert await editor.hints() == {
            3: "[8, 6, 6]  224 parameters  7,776 MACs  sees 3 x 3",
            4: "[8, 6, 6]  sees 3 x 3",
        }

    edit(tmp_path, work, settings={"hints": ["shape", "parameters", "macs", "field"]})


def test_a_rename_says_which_keys_of_the_state_dict_change(tmp_path: Path) -> None:
    asks = types.WorkspaceClientCapabilities(
        workspace_edit=types.WorkspaceEditClientCapabilities(
            document_changes=True, change_annotation_support=types.ChangeAnnotationsSupportOptions()
        )
    )

    async def work(editor: Editor) -> None:
        editor.open(TEXT)
        params = types.RenameParams(editor.document, editor.place("layer1 ="), "stage1")
        found = await editor.client.text_document_rename_async(params)
        note = found.change_annotations["keys"]  # type: ignore[union-attr, index]
        assert note.needs_confirmation
        assert "layer1.0.conv1.weight becomes stage1.0.conv1.weight" in note.description  # type: ignore[operator]
        params = types.RenameParams(editor.document, editor.place("classes: int"), "count")
        found = await editor.client.text_document_rename_async(params)
        assert len(found.changes[editor.uri]) == 2  # type: ignore[union-attr, index]
        for mark, name in (("stem = ", "layer1"), ("stem = ", "for"), ("stem = ", "a b"), ("conv(16", "convolution")):
            with pytest.raises(JsonRpcException):
                await editor.client.text_document_rename_async(
                    types.RenameParams(editor.document, editor.place(mark), name)
                )

    edit(tmp_path, work, capabilities=types.ClientCapabilities(workspace=asks))


def test_a_block_is_renamed_in_the_files_that_import_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    user = tmp_path / "user.net"
    user.write_text('from "net.net" import B\n\nnet N {\n  input x [3, 8, 8]\n  B\n}\n')

    async def work(editor: Editor) -> None:
        editor.open("block B {\n  conv(8, 3)\n}\n")
        found = await editor.client.text_document_rename_async(
            types.RenameParams(editor.document, editor.place("B {"), "Body")
        )
        assert len(found.changes[user.as_uri()]) == 2  # type: ignore[union-attr, index]

    edit(tmp_path, work)


def test_a_preview_follows_the_text_and_the_cursor_and_is_followed(tmp_path: Path) -> None:
    from urllib.request import Request, urlopen

    def read(url: str) -> str:
        with urlopen(url, timeout=20) as answer:
            return str(answer.read().decode())

    async def work(editor: Editor) -> None:
        editor.open("net N {\n  input x [3, 8, 8]\n  a = conv(8, 3)\n  relu\n}\n")
        params = types.ExecuteCommandParams("netspec.preview", [editor.uri])
        url = await editor.client.workspace_execute_command_async(params)
        assert "conv(8, 3)" in await asyncio.to_thread(read, f"{url}page")
        editor.write(editor.text.replace("conv(8, 3)", "conv(9, 3)"))
        for _ in range(100):
            if "conv(9, 3)" in await asyncio.to_thread(read, f"{url}page"):
                break
            await asyncio.sleep(0.1)
        with await asyncio.to_thread(urlopen, f"{url}news") as news:
            await asyncio.to_thread(news.readline)
            await asyncio.to_thread(news.readline)
            editor.client.protocol.notify(
                "netspec/cursor", {"uri": editor.uri, "position": {"line": 2, "character": 4}}
            )
            assert json.loads((await asyncio.to_thread(news.readline)).decode()[6:]) == {"select": "a"}
        await asyncio.to_thread(lambda: urlopen(Request(f"{url}select", b"relu1", method="POST"), timeout=20).close())
        for _ in range(100):
            if editor.places:
                break
            await asyncio.sleep(0.1)
        assert editor.places == [3]

    edit(tmp_path, work)
