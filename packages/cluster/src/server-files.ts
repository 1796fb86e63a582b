// The files that say whom the API server trusts and whom it asks, in upstream's formats. They are read at the start; those that upstream
// rereads are reread when they change, and a change that can't be used leaves all as it was.
import { readFileSync, watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Runtime } from '@tiphys/runtime';
import {
  createAuditor,
  parseAdmissionConfiguration,
  parseTokenFile,
  readKubeconfig,
  type StandardServer,
  type StandardServerOptions,
} from '@tiphys/server';
import { type ClusterConfiguration, ConfigurationError } from './configuration.ts';

type FileField =
  | 'tokenFile'
  | 'authenticationConfigFile'
  | 'authorizationConfigFile'
  | 'tokenWebhookConfigFile'
  | 'admissionControlConfigFile'
  | 'auditPolicyFile'
  | 'auditWebhookConfigFile'
  | 'encryptionProviderConfigFile';
type AuditField = 'auditLogFile' | 'auditLogMegabytesMax' | 'auditLogBackupsMax' | 'auditLogDaysMax';
type Files = Pick<ClusterConfiguration, FileField | AuditField | 'tokenWebhookVersion'>;

type ServerFileOptions = Pick<
  StandardServerOptions,
  | 'staticTokens'
  | 'authenticationConfiguration'
  | 'authorizationConfiguration'
  | 'tokenWebhook'
  | 'admissionConfiguration'
  | 'encryptionConfiguration'
  | 'auditor'
>;

/** Changes are seen at once where the system tells of them, and by then where it doesn't, as on some network disks. */
const REREAD_INTERVAL_MS = 60_000;

/** Does something with the file that a field names; what is wrong with it becomes something to act on. */
function fromFile<T>(files: Files, field: FileField, read: (path: string) => T): T | undefined {
  const path = files[field];
  if (path === undefined) return undefined;
  try {
    return read(resolve(path));
  } catch (error) {
    throw new ConfigurationError(`${field}: ${path}: ${(error as Error).message}`, { cause: error });
  }
}

const textOf = (path: string) => readFileSync(path, 'utf8');

function auditorOf(files: Files, runtime: Runtime): ServerFileOptions['auditor'] {
  const { auditLogFile, auditLogMegabytesMax, auditLogBackupsMax, auditLogDaysMax, auditWebhookConfigFile } = files;
  return fromFile(files, 'auditPolicyFile', (path) =>
    createAuditor({
      runtime,
      policy: textOf(path),
      ...(auditWebhookConfigFile ? { webhookConfigFile: resolve(auditWebhookConfigFile) } : {}),
      ...(auditLogFile
        ? {
            log: {
              path: auditLogFile === '-' ? '-' : resolve(auditLogFile),
              maxMegabytes: auditLogMegabytesMax ?? 0,
              maxBackups: auditLogBackupsMax ?? 0,
              maxAgeDays: auditLogDaysMax ?? 0,
            },
          }
        : {}),
    }),
  );
}

/** Throws ConfigurationError for a file that can't be read. Those that are reread are judged by the server. */
export function readServerFiles(files: Files, runtime: Runtime): ServerFileOptions {
  const staticTokens = fromFile(files, 'tokenFile', (path) => parseTokenFile(textOf(path)));
  const authenticationConfiguration = fromFile(files, 'authenticationConfigFile', textOf);
  const authorizationConfiguration = fromFile(files, 'authorizationConfigFile', textOf);
  const target = fromFile(files, 'tokenWebhookConfigFile', readKubeconfig);
  const admissionConfiguration = fromFile(files, 'admissionControlConfigFile', (path) =>
    parseAdmissionConfiguration(textOf(path), dirname(path)),
  );
  const encryptionConfiguration = fromFile(files, 'encryptionProviderConfigFile', textOf);
  const auditor = auditorOf(files, runtime);
  const version = files.tokenWebhookVersion as 'v1' | 'v1beta1' | undefined;
  return {
    ...(staticTokens ? { staticTokens } : {}),
    ...(authenticationConfiguration === undefined ? {} : { authenticationConfiguration }),
    ...(authorizationConfiguration === undefined ? {} : { authorizationConfiguration }),
    ...(target ? { tokenWebhook: { target, ...(version ? { version } : {}) } } : {}),
    ...(admissionConfiguration ? { admissionConfiguration } : {}),
    ...(encryptionConfiguration === undefined ? {} : { encryptionConfiguration }),
    ...(auditor ? { auditor } : {}),
  };
}

/** Calls back with each new content of the file, one at a time. Returns a stop function. */
function followFile(path: string, first: string, runtime: Runtime, onText: (text: string) => Promise<void>): () => void {
  const { clock, log } = runtime;
  let known = first;
  let work = Promise.resolve();
  const look = async () => {
    let text: string;
    try {
      text = textOf(path);
    } catch (error) {
      log.warning('a configuration file can not be read', { path, error: (error as Error).message });
      return;
    }
    if (text === known) return;
    known = text;
    try {
      await onText(text);
      log.info('took a changed configuration file', { path });
    } catch (error) {
      log.error('a changed configuration file can not be used; all stays as it was', error, { path });
    }
  };
  const queue = () => {
    work = work.then(look);
  };
  // The folder is watched: whoever replaces a file as a whole gives the name to another one.
  const watcher = watch(dirname(path), { persistent: false }, (_event, name) => {
    // Mounted volumes swap a link beside the file.
    if (name === null || name === basename(path) || name.startsWith('..')) queue();
  });
  watcher.on('error', () => {});
  let timer = clock.after(REREAD_INTERVAL_MS, tick);
  function tick() {
    queue();
    timer = clock.after(REREAD_INTERVAL_MS, tick);
  }
  return () => {
    watcher.close();
    timer.cancel();
  };
}

/** Keeps the server at what the files say. Returns a stop function. */
export function followServerFiles(
  files: Files,
  options: ServerFileOptions,
  server: Pick<StandardServer, 'updateAuthentication' | 'updateAuthorization' | 'updateEncryption'>,
  runtime: Runtime,
): () => void {
  const stops: (() => void)[] = [];
  const follow = (path: string | undefined, text: string | undefined, onText: (text: string) => Promise<void>) => {
    if (path !== undefined && text !== undefined) stops.push(followFile(resolve(path), text, runtime, onText));
  };
  follow(files.authenticationConfigFile, options.authenticationConfiguration, (text) => server.updateAuthentication(text));
  follow(files.authorizationConfigFile, options.authorizationConfiguration, (text) => server.updateAuthorization(text));
  follow(files.encryptionProviderConfigFile, options.encryptionConfiguration, async (text) => server.updateEncryption(text));
  return () => {
    for (const stop of stops) stop();
  };
}
