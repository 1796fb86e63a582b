// A backup file: gzip of lines of JSON. The first says what it is, the last is the SHA-256 of all lines before it; between them a
// line for each stored value and for each file of keys. Readable with zcat, the same for every store.
import { createHash } from 'node:crypto';
import { createGunzip, createGzip } from 'node:zlib';
import type { StoredRecord } from '@tiphys/storage';
import { ConfigurationError } from '../configuration.ts';

/** Raised when an older program would misread the file. */
export const BACKUP_VERSION = 1;
const FORMAT = 'tiphys-backup';

export interface BackupHeader {
  format: typeof FORMAT;
  version: number;
  /** UID of the namespace kube-system: which cluster this is. */
  cluster: string;
  /** The state of which revision. */
  revision: number;
  records: number;
  createdAt: string;
}

export interface Backup {
  header: BackupHeader;
  records: readonly StoredRecord[];
  /** Name → text. */
  keyFiles: ReadonlyMap<string, string>;
  sha256: string;
}

interface RecordLine {
  key: string;
  createRevision: number;
  modRevision: number;
  /** Text where the value is text, else base64. */
  value?: string;
  bytes?: string;
}
interface KeyFileLine {
  file: string;
  text: string;
}
type Line = RecordLine | KeyFileLine | { sha256: string };

/** The file is no backup that can be used; nothing was changed. */
export class BackupError extends ConfigurationError {
  override name = 'BackupError';
}

function recordLine({ key, value, createRevision, modRevision }: StoredRecord): RecordLine {
  const buffer = Buffer.from(value.buffer, value.byteOffset, value.length);
  const text = buffer.toString('utf8');
  const content = Buffer.from(text, 'utf8').equals(buffer) ? { value: text } : { bytes: buffer.toString('base64') };
  return { key, createRevision, modRevision, ...content };
}

function* linesOf({ header, records, keyFiles }: Omit<Backup, 'sha256'>): Generator<object> {
  yield header;
  for (const record of records) yield recordLine(record);
  for (const [file, text] of keyFiles) yield { file, text };
}

/** The bytes of the file, and at the end the hash they close with. */
export async function* encodeBackup(content: Omit<Backup, 'sha256' | 'header'> & { header: Omit<BackupHeader, 'format' | 'version'> }) {
  const header: BackupHeader = { format: FORMAT, version: BACKUP_VERSION, ...content.header };
  const hash = createHash('sha256');
  const gzip = createGzip();
  const write = async () => {
    for (const line of linesOf({ ...content, header })) {
      const text = `${JSON.stringify(line)}\n`;
      hash.update(text);
      if (!gzip.write(text)) await new Promise((resolve) => gzip.once('drain', resolve));
    }
    gzip.end(`${JSON.stringify({ sha256: hash.digest('hex') })}\n`);
  };
  const written = write().catch((error) => gzip.destroy(error));
  yield* gzip as AsyncIterable<Buffer>;
  await written;
}

function parsed(line: string, fileName: string): Record<string, unknown> {
  try {
    const value = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new BackupError(`${fileName} is damaged: a line is no JSON object. Nothing was changed`);
}

function checkedHeader(line: string, fileName: string): BackupHeader {
  const header = parsed(line, fileName) as unknown as BackupHeader;
  if (header.format !== FORMAT) throw new BackupError(`${fileName} is no backup of Tiphys. Nothing was changed`);
  if (header.version > BACKUP_VERSION) {
    throw new BackupError(
      `${fileName} was written by a newer version of Tiphys (format ${header.version}; this program knows ${BACKUP_VERSION}). Nothing was changed`,
    );
  }
  return header;
}

async function* textLines(chunks: AsyncIterable<Uint8Array>, fileName: string): AsyncGenerator<string> {
  const gunzip = createGunzip();
  const feed = async () => {
    for await (const chunk of chunks) {
      if (gunzip.destroyed) return;
      if (!gunzip.write(chunk)) await new Promise((resolve) => gunzip.once('drain', resolve).once('close', resolve));
    }
    gunzip.end();
  };
  feed().catch((error) => gunzip.destroy(error));
  let rest = '';
  try {
    gunzip.setEncoding('utf8');
    for await (const text of gunzip as AsyncIterable<string>) {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      yield* lines;
    }
  } catch (cause) {
    if (cause instanceof BackupError) throw cause;
    throw new BackupError(`${fileName} is damaged or no backup: ${(cause as Error).message}. Nothing was changed`, { cause });
  }
  if (rest !== '') throw new BackupError(`${fileName} is damaged: it ends in the middle of a line. Nothing was changed`);
}

/** Reads and checks a whole file. Rejects with BackupError. */
export async function decodeBackup(chunks: AsyncIterable<Uint8Array>, fileName: string): Promise<Backup> {
  const hash = createHash('sha256');
  const records: StoredRecord[] = [];
  const keyFiles = new Map<string, string>();
  let header: BackupHeader | undefined;
  let sha256: string | undefined;
  for await (const text of textLines(chunks, fileName)) {
    if (sha256 !== undefined) throw new BackupError(`${fileName} is damaged: something follows its end. Nothing was changed`);
    if (!header) header = checkedHeader(text, fileName);
    else {
      const line = parsed(text, fileName) as unknown as Line;
      if ('sha256' in line) {
        sha256 = line.sha256;
        continue;
      }
      if ('file' in line) keyFiles.set(line.file, line.text);
      else {
        const { key, createRevision, modRevision, value, bytes } = line;
        records.push({
          key,
          createRevision,
          modRevision,
          value: bytes === undefined ? Buffer.from(value ?? '') : Buffer.from(bytes, 'base64'),
        });
      }
    }
    hash.update(`${text}\n`);
  }
  if (!header || sha256 === undefined) throw new BackupError(`${fileName} is damaged: its end is missing. Nothing was changed`);
  if (hash.digest('hex') !== sha256 || records.length !== header.records) {
    throw new BackupError(`${fileName} is damaged: its content does not match its checksum. Nothing was changed`);
  }
  return { header, records, keyFiles, sha256 };
}
