// Text whose tabs line up: each run of neighbouring lines with a cell in a column makes that column as wide as its widest
// cell (Go text/tabwriter with two blanks of padding, as kubectl describe uses it).

const PADDING = 2;
const INDENT = '  ';

/** Lines up the tabs of a text. */
export function tabbed(text: string): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const widths: number[] = [];
  let result = '';
  const write = (from: number, to: number) => {
    for (const line of lines.slice(from, to)) {
      result += line
        .map((cell, index) => (index < widths.length ? cell.padEnd(cell.length + widths[index]! - [...cell].length) : cell))
        .join('');
      result += '\n';
    }
  };
  const format = (first: number, last: number) => {
    const column = widths.length;
    const hasCell = (index: number) => column < lines[index]!.length - 1;
    let from = first;
    for (let index = first; index < last; index++) {
      if (!hasCell(index)) continue;
      write(from, index);
      from = index;
      let width = 0;
      for (; index < last && hasCell(index); index++) width = Math.max(width, [...lines[index]![column]!].length + PADDING);
      widths.push(width);
      format(from, index);
      widths.pop();
      from = index;
      index--;
    }
    write(from, last);
  };
  format(0, lines.length);
  return result.slice(0, -1);
}

/** Collects a description. */
export class Writer {
  #parts: string[] = [''];

  /** One or more lines, indented. A tab ends a cell. */
  line(level: number, text: string): void {
    this.raw(`${INDENT.repeat(level)}${text}\n`);
  }

  raw(text: string): void {
    this.#parts[this.#parts.length - 1] += text;
  }

  /** What follows lines up by itself. */
  flush(): void {
    this.#parts.push('');
  }

  toString(): string {
    return this.#parts.map(tabbed).join('');
  }
}
