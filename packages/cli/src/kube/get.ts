// `get`: server-side tables, or whole objects in the form of -o (kubectl pkg/cmd/get/get.go).
import type { KubeObject } from '@tiphys/api';
import { isNotFound, StatusError, type Table } from '@tiphys/machinery';
import { realClock } from '@tiphys/runtime';
import { type Terminal, throwFailures } from '../terminal.ts';
import type { ApiResource } from './discovery.ts';
import { listOf, type ObjectPrinter, objectPrinter } from './output.ts';
import { type GetFlags, type Question, questionsOf } from './question.ts';
import { inSession, type Session } from './session.ts';
import { asTable, sortedBy, TABLE_ACCEPT, type TableFlags, tableLines } from './table.ts';

const queryOf = (flags: GetFlags) => ({ labelSelector: flags.selector, fieldSelector: flags.fieldSelector });

/** Every page of an answer, put together under the first page's head. */
async function allPages(
  session: Session,
  question: Question,
  flags: GetFlags,
  query: object,
  headers: Record<string, string>,
): Promise<any> {
  const limit = question.name === undefined && !flags.sortBy ? flags.chunkSize : undefined;
  const selection = question.name === undefined ? queryOf(flags) : {};
  let whole: any;
  for (let next: string | undefined; ; ) {
    const page = await session.call('GET', question.path, {
      query: { ...selection, ...query, limit: limit || undefined, continue: next },
      headers,
    });
    if (whole === undefined) whole = page;
    else for (const key of ['rows', 'items']) if (page[key]) whole[key] = [...(whole[key] ?? []), ...page[key]];
    next = page.metadata?.continue;
    if (!next || question.name !== undefined) return whole;
  }
}

interface Answered {
  answers: { question: Question; answer: any }[];
  errors: unknown[];
}

/** A selection that the server does not understand, with what was selected. */
function selecting(error: unknown, { resource, name }: Question, flags: GetFlags): unknown {
  if (name !== undefined || !(error instanceof StatusError) || (error.reason !== 'BadRequest' && error.reason !== 'NotFound')) return error;
  const what = JSON.stringify(`${resource.group}/${resource.version}, Resource=${resource.resource}`);
  const [labels, fields] = [flags.selector ?? '', flags.fieldSelector ?? ''].map((text) => JSON.stringify(text));
  const message = `Unable to find ${what} that match label selector ${labels}, field selector ${fields}: ${error.message}`;
  return new StatusError(error.code, error.reason, message, error.details);
}

async function askAll(
  session: Session,
  questions: readonly Question[],
  flags: GetFlags,
  query: object,
  headers: Record<string, string>,
): Promise<Answered> {
  const outcomes = await Promise.allSettled(questions.map((question) => allPages(session, question, flags, query, headers)));
  const result: Answered = { answers: [], errors: [] };
  outcomes.forEach((outcome, index) => {
    if (outcome.status === 'fulfilled') result.answers.push({ question: questions[index]!, answer: outcome.value });
    else if (!(flags.ignoreNotFound && isNotFound(outcome.reason))) result.errors.push(selecting(outcome.reason, questions[index]!, flags));
  });
  return result;
}

async function printObjects(session: Session, questions: readonly Question[], flags: GetFlags, print: ObjectPrinter): Promise<void> {
  const { answers, errors } = await askAll(session, questions, flags, {}, { accept: 'application/json' });
  const single = questions.length === 1 && questions[0]!.name !== undefined;
  if (single) throwFailures(errors);
  if (answers.length === 0 && (flags.ignoreNotFound || errors.length > 0)) return throwFailures(errors);
  if (single) {
    session.terminal.out(print(answers[0]!.answer));
    return;
  }
  let items: KubeObject[] = answers.flatMap(({ question, answer }) => {
    const { group, version, kind } = question.resource;
    const apiVersion = group ? `${group}/${version}` : version;
    return question.name === undefined ? answer.items.map((item: KubeObject) => ({ apiVersion, kind, ...item })) : [answer];
  });
  if (flags.sortBy) items = sortedBy(items, (item) => item, flags.sortBy);
  session.terminal.out(print(listOf(items)));
  throwFailures(errors);
}

function tableFlags(flags: GetFlags, withKind: boolean): TableFlags {
  return {
    wide: flags.output === 'wide',
    noHeaders: flags.headers === false,
    withNamespace: flags.allNamespaces ?? false,
    withKind: withKind || (flags.showKind ?? false),
    showLabels: flags.showLabels ?? false,
    labelColumns: (flags.labelColumns ?? []).flatMap((list) => list.split(',')),
  };
}

/** Tables of neighbours of one kind become one. */
function sections(answered: Answered['answers'], sortBy: string | undefined): { resource: ApiResource; table: Table }[] {
  const nowMs = realClock().now();
  const result: { resource: ApiResource; table: Table }[] = [];
  for (const { question, answer } of answered) {
    const table = asTable(answer, nowMs);
    const last = result.at(-1);
    if (last && last.resource === question.resource) last.table = { ...last.table, rows: [...last.table.rows, ...table.rows] };
    else result.push({ resource: question.resource, table });
  }
  if (sortBy) {
    for (const section of result) section.table = { ...section.table, rows: sortedBy(section.table.rows, (row) => row.object, sortBy) };
  }
  return result.filter(({ table }) => table.rows.length > 0);
}

async function printTables(session: Session, questions: readonly Question[], flags: GetFlags): Promise<void> {
  const { terminal } = session;
  const query = flags.sortBy ? { includeObject: 'Object' } : {};
  const { answers, errors } = await askAll(session, questions, flags, query, { accept: TABLE_ACCEPT });
  const parts = sections(answers, flags.sortBy);
  const kinds = new Set(parts.map(({ resource }) => `${resource.group}/${resource.kind}`));
  const texts = parts.map(({ resource, table }) => tableLines(table, resource, tableFlags(flags, kinds.size > 1)));
  terminal.out(texts.join(flags.headers === false ? '' : '\n'));
  if (texts.length === 0 && errors.length === 0 && !flags.ignoreNotFound) {
    const namespaced = !flags.allNamespaces && questions.every(({ resource }) => resource.namespaced);
    terminal.error(namespaced ? `No resources found in ${session.namespace} namespace.\n` : 'No resources found\n');
  }
  throwFailures(errors);
}

export async function runGet(args: string[], flags: GetFlags, terminal: Terminal): Promise<void> {
  const print = objectPrinter(flags.output, terminal, {
    noHeaders: flags.headers === false,
    showManagedFields: flags.showManagedFields ?? false,
  });
  await inSession(flags, terminal, async (session) => {
    if (flags.raw) {
      const body = await session.call('GET', flags.raw);
      terminal.out(typeof body === 'string' ? body : `${JSON.stringify(body)}\n`);
      return;
    }
    const questions = await questionsOf(session, args, flags);
    if (flags.watch || flags.watchOnly) {
      const { runWatch } = await import('./watch.ts');
      await runWatch(session, questions, flags, print, tableFlags(flags, false));
    } else if (print) await printObjects(session, questions, flags, print);
    else await printTables(session, questions, flags);
  });
}
