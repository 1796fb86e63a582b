// Events as lines of a file, with a new file when the old one is large, and old ones forgotten by number and age (apiserver
// plugin/pkg/audit/log; the files are named as lumberjack names them). Lines are written together once a turn.
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readdirSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import type { Runtime } from '@tiphys/runtime';
import type { AuditBackend, AuditEvent } from './event.ts';

export const LOG_MEGABYTES_DEFAULT = 100;
const DAY_MS = 24 * 60 * 60_000;

export interface LogBackendOptions {
  runtime: Runtime;
  /** `-` is the standard output. */
  path: string;
  /** kube-apiserver's --audit-log-maxsize, -maxbackup and -maxage; 0 keeps every old file. */
  maxMegabytes?: number;
  maxBackups?: number;
  maxAgeDays?: number;
  /** `json`, or `legacy`: one line of words. */
  format?: 'json' | 'legacy';
}

const quoted = (text: string | undefined) => JSON.stringify(text ?? '');

function legacyLine({ user, impersonatedUser, objectRef, responseStatus, ...event }: AuditEvent): string {
  const groups = (list: readonly string[] | undefined) => (list?.length ? JSON.stringify(list.map(quoted).join(',')) : '"<none>"');
  const as = impersonatedUser
    ? `${quoted(impersonatedUser.username)} asgroups=${groups(impersonatedUser.groups)}`
    : '"<self>" asgroups="<lookup>"';
  const parts = [
    `${event.requestReceivedTimestamp} AUDIT: id=${quoted(event.auditID)} stage=${quoted(event.stage)}`,
    `ip=${quoted(event.sourceIPs?.[0] ?? '<unknown>')} method=${quoted(event.verb)} user=${quoted(user.username || '<none>')}`,
    `groups=${groups(user.groups)} as=${as} user-agent=${quoted(event.userAgent)}`,
    `namespace=${quoted(objectRef?.namespace || '<none>')} uri=${quoted(event.requestURI)} response="${responseStatus?.code ?? '<deferred>'}"`,
  ];
  return parts.join(' ');
}

/** Old files of this log, the newest first. */
function backupsOf(path: string): { file: string; atMs: number }[] {
  const extension = extname(path);
  const start = `${basename(path, extension)}-`;
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(start) && name.endsWith(extension))
    .map((name) => {
      const stamp = name.slice(start.length, name.length - extension.length);
      return { file: join(dirname(path), name), atMs: Date.parse(`${stamp.slice(0, 10)}T${stamp.slice(11).replaceAll('-', ':')}Z`) };
    })
    .filter(({ atMs }) => !Number.isNaN(atMs))
    .sort((a, b) => b.atMs - a.atMs);
}

/** Throws when the file can't be opened. */
export function logBackend(options: LogBackendOptions): AuditBackend {
  const { runtime, path, maxBackups = 0, maxAgeDays = 0, format = 'json' } = options;
  const bytesMax = (options.maxMegabytes || LOG_MEGABYTES_DEFAULT) * 1024 * 1024;
  const isFile = path !== '-';
  const open = () => openSync(path, 'a', 0o600);
  if (isFile) mkdirSync(dirname(path), { recursive: true });
  let handle = isFile ? open() : 1;
  let size = isFile ? fstatSync(handle).size : 0;
  let lines: string[] = [];

  const rotate = () => {
    closeSync(handle);
    const stamp = new Date(runtime.clock.now()).toISOString().slice(0, -1).replaceAll(':', '-');
    const extension = extname(path);
    const backup = join(dirname(path), `${basename(path, extension)}-${stamp}${extension}`);
    if (existsSync(path) && !existsSync(backup)) renameSync(path, backup);
    handle = open();
    size = fstatSync(handle).size;
    const oldestMs = maxAgeDays > 0 ? runtime.clock.now() - maxAgeDays * DAY_MS : 0;
    for (const [i, { file, atMs }] of backupsOf(path).entries()) {
      if ((maxBackups > 0 && i >= maxBackups) || atMs < oldestMs) unlinkSync(file);
    }
  };
  const put = (bytes: Buffer) => {
    if (isFile && size > 0 && size + bytes.length > bytesMax) rotate();
    for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
    size += bytes.length;
  };
  const flush = () => {
    const pending = lines;
    lines = [];
    if (pending.length === 0) return;
    try {
      let batch = '';
      for (const line of pending) {
        // A batch must not make a file larger than it may be.
        if (batch !== '' && isFile && size + batch.length + line.length > bytesMax) {
          put(Buffer.from(batch));
          batch = '';
        }
        batch += line;
      }
      put(Buffer.from(batch));
    } catch (error) {
      runtime.log.error('the audit log could not be written', error, { path, events: pending.length });
    }
  };
  return {
    write(event) {
      lines.push(`${format === 'legacy' ? legacyLine(event) : JSON.stringify(event)}\n`);
      if (lines.length === 1) queueMicrotask(flush);
    },
    async close() {
      flush();
      if (isFile) closeSync(handle);
    },
  };
}
