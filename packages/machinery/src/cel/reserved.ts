// Words that CEL keeps for itself (cel-spec doc/langdef.md, grammar; cel-go parser, apiserver pkg/cel/escaping.go).

/** Kept for later, so that no name of an expression may be one. */
export const RESERVED_IDENTIFIERS: ReadonlySet<string> = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);

/** All words that are no names: those, literals and operators. */
export const RESERVED_WORDS: ReadonlySet<string> = new Set(['true', 'false', 'null', 'in', ...RESERVED_IDENTIFIERS]);
