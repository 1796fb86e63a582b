// What a further server of a cluster needs: its keys, its configuration and the files that this names, sealed so that the cluster can keep
// them for whoever has the token (kubeadm app/phases/copycerts). The key to it is the token's third part, which the cluster never sees.
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import type { Random } from '@tiphys/runtime';
import { type KeyFiles, SHARED_KEY_FILES } from '../certificates/cluster-keys.ts';
import { type ClusterConfiguration, ConfigurationError, etcdEndpoints } from '../configuration.ts';
import type { ServerToken } from './token.ts';

type Field = keyof ClusterConfiguration;

/** What servers of one cluster have in common, as it is or as the file that it names; the rest is a machine's own. */
const PARTS: Readonly<Record<Field, 'shared' | 'file' | 'own'>> = {
  runtime: 'own',
  nodes: 'own',
  host: 'own',
  port: 'shared',
  kubeletPort: 'own',
  serviceCidr: 'shared',
  podCidr: 'shared',
  nodePortRange: 'shared',
  clusterDomain: 'shared',
  runtimeConfig: 'shared',
  nodeName: 'own',
  evictionHard: 'own',
  registryConfigurationDirectory: 'own',
  etcd: 'shared',
  etcdPrefix: 'shared',
  etcdAuthorityFile: 'file',
  etcdCertificateFile: 'file',
  etcdKeyFile: 'file',
  etcdUser: 'shared',
  etcdPasswordFile: 'file',
  tokenFile: 'file',
  authenticationConfigFile: 'file',
  tokenWebhookConfigFile: 'file',
  tokenWebhookVersion: 'shared',
  authorizationConfigFile: 'file',
  admissionControlConfigFile: 'file',
  auditPolicyFile: 'file',
  auditLogFile: 'shared',
  auditLogMegabytesMax: 'shared',
  auditLogBackupsMax: 'shared',
  auditLogDaysMax: 'shared',
  auditWebhookConfigFile: 'file',
  encryptionProviderConfigFile: 'file',
  maxRequestsInflight: 'shared',
  maxMutatingRequestsInflight: 'shared',
  shutdownDelaySeconds: 'shared',
  advertiseAddress: 'own',
  machineAddress: 'own',
  controllers: 'shared',
  scheduler: 'shared',
  schedulerConfigFile: 'file',
};

const PARCEL_VERSION = 1;

export interface ServerParcel {
  version: typeof PARCEL_VERSION;
  /** File name in DIR/pki → text. */
  keys: Record<string, string>;
  configuration: Partial<ClusterConfiguration>;
  /** Field of the configuration → text of the file that it named. */
  files: Partial<Record<Field, string>>;
}

const LOOPBACK = /^https?:\/\/(127\.|localhost[:/]|\[::1\])/;

/** Throws ConfigurationError when no other machine could be a server of this cluster. */
export function parcelOf(configuration: ClusterConfiguration, keyFiles: KeyFiles, readText: (path: string) => string): ServerParcel {
  if (!configuration.etcd)
    throw new ConfigurationError(
      'the state of this cluster is a file on this machine, which no other server can share. Move it to an etcd, then make the token there: tiphys backup FILE, tiphys down --keep-data, tiphys restore FILE --data-dir NEW --etcd ENDPOINTS, tiphys up --data-dir NEW --etcd ENDPOINTS (docs/backup.md)',
    );
  const unreachable = etcdEndpoints(configuration).find((endpoint) => LOOPBACK.test(endpoint));
  if (unreachable !== undefined)
    throw new ConfigurationError(
      `other machines can’t reach etcd at ${unreachable}: start this server with an address of etcd's that they can (--etcd)`,
    );
  const given = (kind: 'shared' | 'file') =>
    Object.entries(configuration).filter(([field, value]) => PARTS[field as Field] === kind && value !== undefined);
  return {
    version: PARCEL_VERSION,
    keys: Object.fromEntries(SHARED_KEY_FILES.map((name) => [name, keyFiles.read(name) ?? ''])),
    configuration: Object.fromEntries(given('shared')),
    files: Object.fromEntries(given('file').map(([field, path]) => [field, readText(path as string)])),
  };
}

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** So that the key is for nothing else. */
const PURPOSE = 'tiphys server parcel';

const keyOf = ({ id, key }: ServerToken) => Buffer.from(hkdfSync('sha256', key, id, PURPOSE, KEY_BYTES));

/** Nonce, tag, and what is sealed. */
export function seal(parcel: ServerParcel, token: ServerToken, random: Random): Buffer {
  const nonce = Buffer.from(random.bytes(NONCE_BYTES));
  const cipher = createCipheriv(CIPHER, keyOf(token), nonce, { authTagLength: TAG_BYTES });
  const sealed = Buffer.concat([cipher.update(JSON.stringify(parcel), 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** Throws ConfigurationError when the token is not the one it was sealed for, or when somebody changed it. */
export function unseal(bytes: Buffer, token: ServerToken): ServerParcel {
  let text: string;
  try {
    const decipher = createDecipheriv(CIPHER, keyOf(token), bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new ConfigurationError(
      `what the cluster keeps for the token "${token.id}" can't be opened with it: the token's third part is wrong; make another on the server’s machine with: tiphys token create --role server`,
      { cause },
    );
  }
  const parcel = JSON.parse(text) as ServerParcel;
  if (parcel.version !== PARCEL_VERSION)
    throw new ConfigurationError('the token was made by another version of Tiphys: servers that join must be of the same');
  return parcel;
}
