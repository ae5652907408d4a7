// The client: it starts `netspec lsp`, and shows the picture beside the text, each following the other's cursor.

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("netspec.openPreview", openPreview),
    vscode.commands.registerCommand("netspec.restart", async () => {
      await stop();
      await start();
    }),
    vscode.window.onDidChangeTextEditorSelection(({ textEditor, kind }) => {
      if (client?.isRunning() && textEditor.document.languageId === "netspec" && kind !== undefined)
        client.sendNotification("netspec/cursor", {
          uri: textEditor.document.uri.toString(),
          position: { line: textEditor.selection.active.line, character: textEditor.selection.active.character },
        });
    }),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("netspec.command")) vscode.commands.executeCommand("netspec.restart");
    }),
  );
  await start();
}

async function start() {
  const settings = vscode.workspace.getConfiguration("netspec");
  const [command, ...args] = settings.get("command");
  client = new LanguageClient(
    "netspec",
    "netspec",
    { command, args },
    {
      documentSelector: [{ language: "netspec" }],
      initializationOptions: { hints: settings.get("hints") },
      synchronize: { configurationSection: "netspec", fileEvents: vscode.workspace.createFileSystemWatcher("**/*.net") },
    },
  );
  try {
    await client.start();
  } catch (error) {
    vscode.window.showErrorMessage(
      `${command} does not answer (${error.message}): python -m pip install 'netspec-nn[lsp,live]', or set netspec.command`,
    );
  }
}

async function stop() {
  if (client?.isRunning()) await client.stop();
}

async function openPreview() {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.languageId !== "netspec" || !client?.isRunning()) return;
  const url = await client.sendRequest("workspace/executeCommand", {
    command: "netspec.preview",
    arguments: [document.uri.toString()],
  });
  await vscode.commands.executeCommand("simpleBrowser.api.open", vscode.Uri.parse(url), {
    viewColumn: vscode.ViewColumn.Beside,
    preserveFocus: true,
  });
}

module.exports = { activate, deactivate: stop };
