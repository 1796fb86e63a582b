// EncryptionConfiguration: which resources are encrypted by which keys (apiserver.config.k8s.io/v1; apiserver
// pkg/apis/apiserver/validation/validation_encryption.go, pkg/server/options/encryptionconfig/config.go).
import { parseDuration } from '@tiphys/api';
import { type FieldError, fieldError } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import { ConfigurationFileError, parseConfigurationFile } from '../configuration-file.ts';
import { aesCbc, aesGcm, secretbox } from './ciphers.ts';
import { type KmsProvider, kmsProvider } from './kms.ts';
import { kmsClient } from './kms-client.ts';
import { ENCRYPTED, identity, type Transformer, Transformers } from './transformer.ts';

const KEYS = { keys: [{ name: 'string', secret: 'string' }] } as const;
const KMS = { apiVersion: 'string', name: 'string', cachesize: 'number', endpoint: 'string', timeout: 'string' } as const;
const FORMAT = {
  apiVersions: ['apiserver.config.k8s.io/v1'],
  kind: 'EncryptionConfiguration',
  shape: {
    resources: [{ resources: 'strings', providers: [{ aesgcm: KEYS, aescbc: KEYS, secretbox: KEYS, identity: 'any', kms: KMS }] }],
  },
} as const;

interface Key {
  name?: string;
  secret?: string;
}
interface Kms {
  apiVersion?: string;
  name?: string;
  cachesize?: number;
  endpoint?: string;
  timeout?: string;
}
interface Provider {
  aesgcm?: { keys?: Key[] };
  aescbc?: { keys?: Key[] };
  secretbox?: { keys?: Key[] };
  identity?: object;
  kms?: Kms;
}
interface Entry {
  resources?: string[];
  providers?: Provider[];
}

const CIPHERS = { aesgcm: aesGcm, aescbc: aesCbc, secretbox } as const;
const KEY_BYTES = { aesgcm: [16, 24, 32], aescbc: [16, 24, 32], secretbox: [32] } as const;
const KINDS = ['aesgcm', 'aescbc', 'secretbox'] as const;
const KMS_TIMEOUT_DEFAULT_MS = 3000;
const UNREACHABLE = new Set(['apiserveripinfo', 'serviceipallocations', 'servicenodeportallocations']);

/** `pandas.awesome.bears.example` is the resource pandas of a group; without a dot it is of the core. */
function groupResource(text: string): { group: string; resource: string } {
  const dot = text.indexOf('.');
  return dot === -1 ? { group: '', resource: text } : { group: text.slice(dot + 1), resource: text.slice(0, dot) };
}

const nameOf = ({ group, resource }: { group: string; resource: string }) => `${resource}.${group}`;

function nameProblem(text: string): string | undefined {
  const { group, resource } = groupResource(text);
  if (text !== text.toLowerCase()) return 'resource name should not contain capital letters';
  if (text === '*') return "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources";
  if (UNREACHABLE.has(text)) return 'resources which do not have REST API/s cannot be encrypted';
  if (group === 'events.k8s.io') {
    return "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file";
  }
  if (group === 'extensions') return "'extensions' group has been removed and cannot be used for encryption";
  if (group === '*' && resource !== '*') return 'encrypting the same resource across groups is not supported';
  return undefined;
}

function resourceErrors(resources: readonly string[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  const parsed = resources.map(groupResource);
  if (new Set(parsed.map(nameOf)).size < parsed.length) {
    errors.push(fieldError.invalid(path, resources, 'the same resource cannot be specified multiple times'));
  }
  const overlaps = parsed.some((one, i) =>
    parsed.some(
      (other, j) =>
        i !== j && nameOf(one) !== nameOf(other) && (nameOf(one) === '*.*' || (one.group === other.group && one.resource === '*')),
    ),
  );
  if (overlaps) {
    const why = "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked";
    errors.push(fieldError.invalid(path, resources, why));
  }
  for (const [i, text] of resources.entries()) {
    const problem = nameProblem(text);
    if (problem) errors.push(fieldError.invalid(`${path}[${i}]`, text, problem));
  }
  return errors;
}

/** Secrets are never shown. */
function keyErrors(keys: readonly Key[], path: string, sizes: readonly number[]): FieldError[] {
  if (keys.length === 0) return [fieldError.required(path, 'at least one keys is required')];
  return keys.flatMap(({ name, secret = '' }, i) => {
    const errors: FieldError[] = [];
    if (!name) errors.push(fieldError.required(`${path}[${i}].name`, 'name is a mandatory field for a key'));
    const bytes = Buffer.from(secret, 'base64');
    if (secret === '') errors.push(fieldError.required(`${path}[${i}].secret`, 'secret is a mandatory field for a key'));
    else if (bytes.toString('base64') !== secret)
      errors.push(fieldError.invalid(`${path}[${i}].secret`, 'REDACTED', 'secrets must be base64 encoded'));
    else if (!sizes.includes(bytes.length)) {
      const why = `secret is not of the expected length, got ${bytes.length}, expected one of [${sizes.join(' ')}]`;
      errors.push(fieldError.invalid(`${path}[${i}].secret`, 'REDACTED', why));
    }
    return errors;
  });
}

function kmsErrors(kms: Kms, path: string, names: Set<string>): FieldError[] {
  const { name = '', endpoint = '', apiVersion = 'v1', cachesize, timeout } = kms;
  const errors: FieldError[] = [];
  if (name === '') errors.push(fieldError.required(`${path}.name`, 'name is a mandatory field for a provider'));
  if (name.includes(':')) errors.push(fieldError.invalid(`${path}.name`, name, `invalid KMS provider name ${name}, must not contain ':'`));
  if (names.has(name)) errors.push(fieldError.invalid(`${path}.name`, name, `duplicate KMS provider name ${name}, names must be unique`));
  names.add(name);
  if (timeout !== undefined && !(parseDuration(timeout)! > 0)) {
    errors.push(fieldError.invalid(`${path}.timeout`, timeout, 'timeout should be a positive value'));
  }
  if (endpoint === '') errors.push(fieldError.invalid(`${path}.endpoint`, '', 'endpoint is a mandatory field for a kms'));
  else if (!endpoint.startsWith('unix:')) {
    const scheme = JSON.stringify(endpoint.split(':')[0]);
    errors.push(fieldError.invalid(`${path}.endpoint`, endpoint, `unsupported scheme ${scheme} for KMS provider, only unix is supported`));
  }
  if (cachesize !== undefined) errors.push(fieldError.invalid(`${path}.cachesize`, cachesize, 'cachesize is not supported in v2'));
  if (apiVersion === 'v1') {
    const why =
      'KMSv1 is deprecated and will only receive security updates going forward. Use KMSv2 instead. Set --feature-gates=KMSv1=true to use the deprecated KMSv1 feature.';
    errors.push(fieldError.invalid(`${path}.apiVersion`, apiVersion, why));
  } else if (apiVersion !== 'v2') {
    errors.push(
      fieldError.invalid(
        `${path}.apiVersion`,
        apiVersion,
        'unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported',
      ),
    );
  }
  return errors;
}

function providerErrors(provider: Provider, path: string, names: Set<string>): FieldError[] {
  const errors: FieldError[] = [];
  const given = Object.values(provider).filter((each) => each !== undefined && each !== null).length;
  if (given === 0) {
    errors.push(
      fieldError.invalid(path, '{}', 'provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity'),
    );
  }
  if (given > 1) {
    const why = 'more than one provider specified in a single element, should split into different list elements';
    errors.push(fieldError.invalid(path, Object.keys(provider), why));
  }
  if (provider.kms) errors.push(...kmsErrors(provider.kms, `${path}.kms`, names));
  for (const kind of KINDS) {
    const keys = provider[kind];
    if (keys) errors.push(...keyErrors(keys.keys ?? [], `${path}.${kind}.keys`, KEY_BYTES[kind]));
  }
  return errors;
}

function errorsOf(entries: readonly Entry[]): FieldError[] {
  if (entries.length === 0) return [fieldError.required('resources', 'at least one resources is required')];
  const names = new Set<string>();
  return entries.flatMap(({ resources = [], providers = [] }, i) => {
    const [ofResources, ofProviders] = [`resources[${i}].resources`, `resources[${i}].providers`];
    return [
      ...(resources.length === 0 ? [fieldError.required(ofResources, `at least one ${ofResources} is required`)] : []),
      ...resourceErrors(resources, ofResources),
      ...(providers.length === 0 ? [fieldError.required(ofProviders, `at least one ${ofProviders} is required`)] : []),
      ...providers.flatMap((provider, j) => providerErrors(provider, `${ofProviders}[${j}]`, names)),
    ];
  });
}

export interface EncryptionPlan {
  /** undefined: the resource is stored as it is. */
  transformersFor(type: { group: string; resource: string }): Transformers | undefined;
  plugins: readonly KmsProvider[];
}

function transformersOf(provider: Provider, runtime: Runtime, plugins: KmsProvider[]): Transformer[] {
  if (provider.identity) return [identity];
  if (provider.kms) {
    const { name, endpoint, timeout } = provider.kms;
    const timeoutMs = timeout === undefined ? KMS_TIMEOUT_DEFAULT_MS : parseDuration(timeout)!;
    const made = kmsProvider({ name: name!, client: kmsClient(endpoint!, timeoutMs, runtime.clock), runtime });
    plugins.push(made);
    return [made];
  }
  const kind = KINDS.find((each) => provider[each])!;
  return provider[kind]!.keys!.map(({ name, secret }) => ({
    prefix: `${ENCRYPTED}${kind}:v1:${name}:`,
    ...CIPHERS[kind](Buffer.from(secret!, 'base64'), runtime.random),
  }));
}

/** Reads the text of a configuration. Throws ConfigurationFileError. */
export function encryptionPlan(text: string, runtime: Runtime): EncryptionPlan {
  const entries: Entry[] = parseConfigurationFile(text, FORMAT).resources ?? [];
  const errors = errorsOf(entries);
  if (errors.length > 0) throw new ConfigurationFileError(errors.map(({ field, message }) => `${field}: ${message}`).join(', '));
  const byResource = new Map<string, Provider[]>();
  for (const { resources, providers } of entries) {
    for (const each of resources!.map(groupResource)) {
      for (const wider of [`*.${each.group}`, '*.*']) {
        if (wider === nameOf(each) || !byResource.has(wider)) continue;
        throw new ConfigurationFileError(`resource ${JSON.stringify(nameOf(each))} is masked by earlier rule ${JSON.stringify(wider)}`);
      }
      byResource.set(nameOf(each), [...(byResource.get(nameOf(each)) ?? []), ...providers!]);
    }
  }
  const plugins: KmsProvider[] = [];
  const made = new Map<Provider, Transformer[]>();
  const transformers = new Map<string, Transformers>();
  for (const [name, providers] of byResource) {
    const all = providers.flatMap((provider) => {
      let known = made.get(provider);
      if (!known) {
        known = transformersOf(provider, runtime, plugins);
        made.set(provider, known);
      }
      return known;
    });
    transformers.set(name, new Transformers(all));
  }
  return {
    transformersFor: (type) => transformers.get(nameOf(type)) ?? transformers.get(`*.${type.group}`) ?? transformers.get('*.*'),
    plugins,
  };
}
