// `get --watch`: what there is, then each change, until the server ends the watch or the person does.
import { pathOf } from '@tiphys/api';
import type { Table, TableColumn } from '@tiphys/machinery';
import { CommandError } from '../terminal.ts';
import type { ObjectPrinter } from './output.ts';
import type { GetFlags, Question } from './question.ts';
import { type Session, withQuery } from './session.ts';
import { decorated, TABLE_ACCEPT, type TableFlags } from './table.ts';

interface Event {
  type: string;
  object: any;
}

const WIDTH_MIN = 6;
const PADDING = 3;

/** Lines of a table that goes on: columns keep the widths they had, or grow. */
export class GrowingTable {
  readonly #widths: number[] = [];

  lines(rows: readonly (readonly string[])[]): string {
    for (const row of rows)
      for (const [index, cell] of row.slice(0, -1).entries())
        this.#widths[index] = Math.max(this.#widths[index] ?? WIDTH_MIN + PADDING, [...cell].length + PADDING);
    return rows
      .map((row) =>
        row.map((cell, index) => (index === row.length - 1 ? cell : cell + ' '.repeat(this.#widths[index]! - [...cell].length))).join(''),
      )
      .map((line) => `${line}\n`)
      .join('');
  }
}

const cellText = (cell: unknown): string => (cell === null || cell === undefined ? '' : String(cell));

class TablePrinter {
  readonly #lines = new GrowingTable();
  readonly #flags: TableFlags;
  readonly #question: Question;
  readonly #withEvents: boolean;
  #columns: TableColumn[] = [];
  #headed = false;

  constructor(question: Question, flags: TableFlags, withEvents: boolean) {
    this.#question = question;
    this.#flags = flags;
    this.#withEvents = withEvents;
  }

  print(table: Table, event: string): string {
    // Only the first table of a watch names its columns.
    if (table.columnDefinitions?.length) this.#columns = table.columnDefinitions;
    const { columnDefinitions, rows } = decorated(
      { columnDefinitions: this.#columns, rows: table.rows ?? [] },
      this.#question.resource,
      this.#flags,
    );
    const lines = rows.map((row) => [...(this.#withEvents ? [event] : []), ...row.cells.map(cellText)]);
    if (!this.#headed && !this.#flags.noHeaders && rows.length > 0) {
      lines.unshift([...(this.#withEvents ? ['EVENT'] : []), ...columnDefinitions.map(({ name }) => name.toUpperCase())]);
      this.#headed = true;
    }
    return this.#lines.lines(lines);
  }
}

const decoder = () => {
  const text = new TextDecoder();
  let rest = '';
  return (chunk: Uint8Array): Event[] => {
    const lines = (rest + text.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop()!;
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
  };
};

/** Events from a revision on, in the form that `accept` asks for. */
async function* eventsOf(session: Session, url: string, accept: string): AsyncIterable<Event> {
  const response = await session.connection.handler.handle({ method: 'GET', url, headers: { accept } });
  if (response.body.kind === 'watch') {
    const { watch } = response.body;
    const waiting: Event[] = [];
    let ended = false;
    let wake = () => {};
    const stop = watch.subscribe(
      (events) => {
        waiting.push(...(events as unknown as Event[]));
        wake();
      },
      () => {
        ended = true;
        wake();
      },
    );
    try {
      for (;;) {
        yield* waiting.splice(0);
        if (ended) return;
        if (waiting.length === 0) await new Promise<void>((settle) => (wake = settle));
      }
    } finally {
      stop();
    }
  }
  if (response.body.kind !== 'stream') throw new CommandError('the server does not watch this resource');
  const decode = decoder();
  for await (const chunk of response.body.stream) yield* decode(chunk);
}

export async function runWatch(
  session: Session,
  questions: readonly Question[],
  flags: GetFlags,
  print: ObjectPrinter | undefined,
  table: TableFlags,
): Promise<void> {
  if (questions.length !== 1) throw new CommandError('you may only specify a single resource type');
  const { terminal } = session;
  const question = questions[0]!;
  const withEvents = flags.outputWatchEvents ?? false;
  const printer = new TablePrinter(question, table, withEvents);
  const accept = print ? 'application/json' : TABLE_ACCEPT;
  const show = (type: string, object: any) => {
    if (!print) terminal.out(printer.print(object, type));
    else terminal.out(print(withEvents ? ({ type, object } as object) : object));
  };
  const collection = pathOf(question.resource, question.namespace);
  const fieldSelector = question.name === undefined ? flags.fieldSelector : `metadata.name=${question.name}`;
  const query = { labelSelector: question.name === undefined ? flags.selector : undefined, fieldSelector };
  // A missing object is an error, not an empty list.
  if (question.name !== undefined) await session.call('GET', question.path);
  const list = await session.call('GET', collection, { query, headers: { accept } });
  if (!flags.watchOnly) {
    if (print) for (const item of list.items) show('ADDED', { apiVersion: list.apiVersion, kind: question.resource.kind, ...item });
    else show('ADDED', list);
  } else if (!print) printer.print({ ...list, rows: [] }, '');
  const url = withQuery(collection, { ...query, watch: true, resourceVersion: list.metadata.resourceVersion });
  for await (const { type, object } of eventsOf(session, url, accept)) {
    if (type === 'ERROR') {
      const { errorFromStatus } = await import('@tiphys/client');
      throw errorFromStatus(object);
    }
    if (type !== 'BOOKMARK') show(type, object);
  }
}
