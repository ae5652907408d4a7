// What no grammar of one token at a time can tell, after netspec/syntax/layout.py: where a line ends a statement, and
// which words are keywords where they stand. It keeps nothing between two tokens.

#include "tree_sitter/parser.h"

// In the order of `externals` in grammar.js.
enum Terminal {
  LINE_END,
  NET,
  BLOCK,
  TRAIN,
  FROM,
  LET,
  SHARED,
  DEFAULT,
  INPUT,
  OUTPUT,
  ASSERT,
  RETURN,
  REPEAT,
  REPEAT_VALUE,
  RESIDUAL,
  HIGHWAY,
  CONCAT,
  ADD,
  MUL,
  DENSE,
  SHORTCUT,
  GATE,
  CARRY,
  WHEN,
  STEP,
  DRAW,
};

// The kinds of token that decide of the word before them.
enum Following {
  OTHER = 0,
  NAME = 1 << 0,
  NUMBER = 1 << 1,
  STRING = 1 << 2,
  TEMPLATE = 1 << 3,
  PARENTHESIS = 1 << 4,
  BRACKET = 1 << 5,
  BRACE = 1 << 6,
  SIGN = 1 << 7,
  OPERAND = 1 << 8,  // a word that is no name and begins an expression: in, not, true, ...
  IF = 1 << 9,
  LABEL = NAME | NUMBER | STRING | TEMPLATE,
  FLOW = LABEL | PARENTHESIS | BRACKET | BRACE | SIGN | OPERAND,
};

static const struct Keyword {
  const char *word;
  enum Terminal terminal;
  int following;
} KEYWORDS[] = {
  {"net", NET, NAME | BRACE | PARENTHESIS},
  {"block", BLOCK, NAME | BRACE | PARENTHESIS},
  {"train", TRAIN, BRACE},
  {"from", FROM, NAME | STRING},
  {"let", LET, NAME},
  {"shared", SHARED, LABEL},
  {"default", DEFAULT, NAME},
  {"input", INPUT, NAME},
  {"output", OUTPUT, FLOW},
  {"assert", ASSERT, NAME},
  {"return", RETURN, FLOW},
  {"repeat", REPEAT, FLOW},
  {"repeat", REPEAT_VALUE, NAME | NUMBER},
  {"residual", RESIDUAL, BRACE | IF},
  {"highway", HIGHWAY, BRACE},
  {"concat", CONCAT, BRACE},
  {"add", ADD, BRACE},
  {"mul", MUL, BRACE},
  {"dense", DENSE, BRACE},
  {"shortcut", SHORTCUT, BRACE},
  {"gate", GATE, BRACE},
  {"carry", CARRY, BRACE},
  {"when", WHEN, NAME},
  {"step", STEP, NAME},
  {"draw", DRAW, NAME},
};
enum {
  KEYWORD_COUNT = sizeof KEYWORDS / sizeof *KEYWORDS,
  LONGEST = 8,  // of these words
  FARTHEST = 2000,  // that a condition is read ahead; netspec refuses expressions of more than 200 tokens
};

static bool is_blank(int32_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f'; }
static bool is_digit(int32_t c) { return c >= '0' && c <= '9'; }
static bool begins_word(int32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

static void advance(TSLexer *lexer) { lexer->advance(lexer, false); }

static void pass_blanks(TSLexer *lexer) {
  while (is_blank(lexer->lookahead)) advance(lexer);
}

// Read a word into `word`, which is left empty where it is longer than any keyword.
static void read_word(TSLexer *lexer, char word[LONGEST + 1]) {
  int length = 0;
  for (; begins_word(lexer->lookahead) || is_digit(lexer->lookahead); advance(lexer)) {
    if (length < LONGEST) word[length] = (char)lexer->lookahead;
    length++;
  }
  word[length <= LONGEST ? length : 0] = '\0';
}

static bool is(const char *word, const char *other) {
  while (*word && *word == *other) word++, other++;
  return *word == *other;
}

static bool is_any(const char *word, const char *const *others) {
  while (*others && !is(word, *others)) others++;
  return *others;
}

static const char *const OPERANDS[] = {"in", "not", "true", "false", "none", 0};
static const char *const NO_OPERANDS[] = {"and", "or", "else", "for", "elif", 0};

// The kind of the token that begins here; of a word the text, too.
static int following(TSLexer *lexer, char word[LONGEST + 1]) {
  int32_t first = lexer->lookahead;
  word[0] = '\0';
  if (begins_word(first)) {
    read_word(lexer, word);
    if (lexer->lookahead == '$') return TEMPLATE;
    if (is(word, "if")) return IF;
    return is_any(word, OPERANDS) ? OPERAND : is_any(word, NO_OPERANDS) ? OTHER : NAME;
  }
  if (is_digit(first)) return NUMBER;
  if (first == '"' || first == '\'') return STRING;
  if (first == '(') return PARENTHESIS;
  if (first == '[') return BRACKET;
  if (first == '{') return BRACE;
  advance(lexer);
  int32_t second = lexer->lookahead;
  if (first == '$') return second == '{' || begins_word(second) ? TEMPLATE : OTHER;
  if (first == '.') return is_digit(second) ? NUMBER : OTHER;
  if (first == '+' || (first == '-' && second != '>')) return SIGN;
  return OTHER;
}

static void pass_string(TSLexer *lexer) {
  int32_t quote = lexer->lookahead;
  advance(lexer);
  while (lexer->lookahead != quote && lexer->lookahead != '\n' && !lexer->eof(lexer)) {
    if (lexer->lookahead == '\\') advance(lexer);
    if (lexer->lookahead != '\n') advance(lexer);
  }
  if (lexer->lookahead == quote) advance(lexer);
}

// Whether `if c {` goes on here after its `if`, and not the `if c else d` of an expression.
static bool opens_conditionally(TSLexer *lexer) {
  char word[LONGEST + 1];
  int depth = 0, choices = 1;
  for (int step = 0; step < FARTHEST && !lexer->eof(lexer); step++) {
    int32_t c = lexer->lookahead;
    if (begins_word(c) || is_digit(c)) {
      read_word(lexer, word);
      if (depth == 0) choices += is(word, "if") - is(word, "else");
      if (choices < 0) return false;
      continue;
    }
    if (c == '"' || c == '\'') {
      pass_string(lexer);
      continue;
    }
    if (c == '#') {
      while (lexer->lookahead != '\n' && !lexer->eof(lexer)) advance(lexer);
      continue;
    }
    if (depth == 0 && (c == '{' || c == '\n' || c == ';' || c == '}')) return c == '{';
    advance(lexer);
    if (c == '$' && lexer->lookahead == '{') c = '{', advance(lexer);
    depth += (c == '(' || c == '[' || c == '{') - (c == ')' || c == ']' || c == '}');
    if (depth < 0) return false;
  }
  return false;
}

// Whether the keyword is one before what comes here, on its line.
static bool goes_on(TSLexer *lexer, const struct Keyword *keyword) {
  char word[LONGEST + 1];
  if (lexer->lookahead == '.') return false;  // `shared.20` is a stage of `shared`
  pass_blanks(lexer);
  int kind = following(lexer, word);
  if (!(kind & keyword->following)) return false;
  switch (keyword->terminal) {
    case WHEN:
      return is(word, "training");
    case STEP:
      pass_blanks(lexer);
      return lexer->lookahead == '{';
    case RESIDUAL:
      return kind == BRACE || opens_conditionally(lexer);
    default:
      return true;
  }
}

// What `word` is of the terminals from `first` to `last`, as far as the parser could take it; else null.
static const struct Keyword *keyword_of(const char *word, const bool *valid, enum Terminal first, enum Terminal last) {
  for (const struct Keyword *keyword = KEYWORDS; keyword < KEYWORDS + KEYWORD_COUNT; keyword++) {
    bool asked = keyword->terminal >= first && keyword->terminal <= last && valid[keyword->terminal];
    if (asked && is(word, keyword->word)) return keyword;
  }
  return 0;
}

// Take the keyword that has just been read, where it is one.
static bool takes(TSLexer *lexer, const struct Keyword *keyword) {
  lexer->mark_end(lexer);
  lexer->result_symbol = keyword->terminal;
  return goes_on(lexer, keyword);
}

// The token after a line end that could end a statement, before what begins the next line: the line end, which is
// empty, or a clause, which goes on with the wiring. Nothing where the statement goes on. Before a word that might have
// been a clause there is none either: after a wiring's brace nothing else hangs on it.
static bool scan_line_end(TSLexer *lexer, const bool *valid) {
  char word[LONGEST + 1];
  lexer->result_symbol = LINE_END;
  lexer->mark_end(lexer);
  if (lexer->eof(lexer) || lexer->lookahead == '}' || lexer->lookahead == '#') return false;
  if (lexer->lookahead == '-') {
    advance(lexer);
    return lexer->lookahead != '>';
  }
  if (!begins_word(lexer->lookahead)) return true;
  read_word(lexer, word);
  if (is(word, "else")) return false;
  const struct Keyword *clause = keyword_of(word, valid, SHORTCUT, CARRY);
  return clause ? takes(lexer, clause) : true;
}

void *tree_sitter_netspec_external_scanner_create(void) { return 0; }
void tree_sitter_netspec_external_scanner_destroy(void *payload) { (void)payload; }
void tree_sitter_netspec_external_scanner_reset(void *payload) { (void)payload; }
unsigned tree_sitter_netspec_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload, (void)buffer;
  return 0;
}
void tree_sitter_netspec_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload, (void)buffer, (void)length;
}

bool tree_sitter_netspec_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid) {
  (void)payload;
  char word[LONGEST + 1];
  bool new_line = false;
  for (; is_blank(lexer->lookahead) || lexer->lookahead == '\n'; lexer->advance(lexer, true))
    new_line |= lexer->lookahead == '\n';
  if (new_line && valid[LINE_END]) return scan_line_end(lexer, valid);
  if (!begins_word(lexer->lookahead)) return false;
  read_word(lexer, word);
  const struct Keyword *keyword = word[0] && lexer->lookahead != '$' ? keyword_of(word, valid, NET, DRAW) : 0;
  return keyword && takes(lexer, keyword);
}
