// A story: the requests of one episode, as plain data, so that it can be made smaller, written to a file and told again.
// `$NAME` stands for the episode's own name, `$UID` and `$VERSION` for what the server asked last gave the object.

export type Path = readonly (string | number)[];

export type Edit =
  | { op: 'set'; path: Path; value: unknown }
  | { op: 'remove'; path: Path }
  /** Puts a copy of the element at the end of its list. */
  | { op: 'repeat'; path: Path };

export type Body =
  /** What the server answered last for the object, changed. */
  | { current: readonly Edit[] }
  | { value: unknown; edits?: readonly Edit[] }
  /** Sent as it is. */
  | { text: string };

export interface Step {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  contentType?: string;
  body?: Body;
}

export interface Story {
  kind: string;
  steps: readonly Step[];
}

const isContainer = (value: unknown): value is Record<string | number, unknown> => typeof value === 'object' && value !== null;

/** Changes the object. An edit whose place is gone, as happens while stories are made smaller, does nothing. */
export function applyEdit(object: unknown, edit: Edit): unknown {
  if (edit.path.length === 0) return edit.op === 'set' ? structuredClone(edit.value) : object;
  let parent = object;
  for (const key of edit.path.slice(0, -1)) {
    if (!isContainer(parent)) return object;
    if (edit.op === 'set' && parent[key] === undefined) parent[key] = {};
    parent = parent[key];
  }
  if (!isContainer(parent)) return object;
  const last = edit.path.at(-1)!;
  if (edit.op === 'set') parent[last] = structuredClone(edit.value);
  else if (edit.op === 'repeat') {
    if (Array.isArray(parent) && parent[Number(last)] !== undefined) parent.push(structuredClone(parent[Number(last)]));
  } else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
  return object;
}

export function applyEdits(object: unknown, edits: readonly Edit[] = []): unknown {
  return edits.reduce((changed, edit) => applyEdit(changed, edit), structuredClone(object));
}

const pointer = (path: Path) => `/${path.map((key) => String(key).replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`;
const LONG_CHARACTERS_MAX = 300;
const shortened = (text: string) => (text.length > LONG_CHARACTERS_MAX ? `${text.slice(0, LONG_CHARACTERS_MAX)}…` : text);

export function editText(edit: Edit): string {
  return edit.op === 'set' ? `${pointer(edit.path)} = ${shortened(JSON.stringify(edit.value))}` : `${edit.op} ${pointer(edit.path)}`;
}

/** The step on a few lines, for people. */
export function stepText({ method, path, contentType, body }: Step): string {
  const head = `${method} ${path}${contentType ? ` (${contentType})` : ''}`;
  if (!body) return head;
  if ('text' in body) return `${head} ${shortened(body.text)}`;
  const edits = ('current' in body ? body.current : (body.edits ?? [])).map((edit) => `\n      ${editText(edit)}`).join('');
  return 'current' in body ? `${head} with what is there${edits}` : `${head} ${shortened(JSON.stringify(body.value))}${edits}`;
}
