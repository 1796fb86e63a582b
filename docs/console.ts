// Console sessions in a document: commands after `$ ` and what they print. `…` stands for anything in a line, and a line
// that is only `…` for any number of lines.

export interface ConsoleCommand {
  command: string;
  expected: string[];
  /** Line in the document. */
  line: number;
}

/** Commands of the ```console blocks between a heading and the next of the same level. */
export function consoleCommands(document: string, heading: string): ConsoleCommand[] {
  const lines = document.split('\n');
  const first = lines.indexOf(heading);
  if (first < 0) throw new Error(`the document has no heading ${heading}`);
  const level = `${heading.split(' ')[0]} `;
  const commands: ConsoleCommand[] = [];
  let inBlock = false;
  for (let index = first + 1; index < lines.length && !lines[index]!.startsWith(level); index++) {
    const text = lines[index]!;
    if (text.startsWith('```')) inBlock = !inBlock && text === '```console';
    else if (inBlock && text.startsWith('$ ')) commands.push({ command: text.slice(2), expected: [], line: index + 1 });
    else if (inBlock) commands.at(-1)?.expected.push(text);
  }
  return commands;
}

/** Columns are as wide as their contents: any run of spaces stands for any other. */
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/ +/g, ' +');

/** Whether the output is what the document shows. A command that shows nothing may print anything. */
export function outputMatches(expected: readonly string[], output: string): boolean {
  if (expected.length === 0) return true;
  const pattern = expected
    .map((line) => (line === '…' ? '(?:[^\n]*\n)*?' : `${line.split('…').map(escaped).join('[^\n]*')}[ \t]*\n`))
    .join('');
  return new RegExp(`^${pattern}$`).test(output.endsWith('\n') || output === '' ? output : `${output}\n`);
}
