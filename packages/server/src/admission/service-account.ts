// Every pod has a service account, and the account's token unless it declines (plugin/pkg/admission/serviceaccount).
import { corev1 } from '@tiphys/api';
import type { Clock, Random } from '@tiphys/runtime';
import type { AdmissionAttributes, AdmissionPlugin } from '../interfaces.ts';
import { containersOf, forbidden, isMirrorPod, isResource, unfitForClients } from './attributes.ts';
import { podSecretNames } from './pod-secrets.ts';

const DEFAULT_ACCOUNT = 'default';
const TOKEN_VOLUME_PREFIX = 'kube-api-access-';
const TOKEN_MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const TOKEN_EXPIRATION_SECONDS = 3607;
const MODE_READ = 0o644;
const ENFORCE_MOUNTABLE = 'kubernetes.io/enforce-mountable-secrets';
/** The controller makes the default account of a new namespace; a pod may be faster. */
const DEFAULT_ACCOUNT_ATTEMPTS_MAX = 10;
const RETRY_MS_MIN = 100;
const RETRY_MS_SPREAD = 100;
const NAME_SUFFIX_LENGTH = 5;

export function serviceAccount({ clock, random }: { clock: Clock; random: Random }): AdmissionPlugin {
  const awaited = async (attributes: AdmissionAttributes, name: string): Promise<corev1.ServiceAccount> => {
    const { namespace, reader } = attributes;
    const attempts = name === DEFAULT_ACCOUNT ? DEFAULT_ACCOUNT_ATTEMPTS_MAX : 1;
    for (let attempt = 1; attempt < attempts; attempt++) {
      await clock.sleep(RETRY_MS_MIN + random.number() * RETRY_MS_SPREAD);
      const account = reader.get(corev1.serviceaccounts, name, namespace);
      if (account) return account;
    }
    const why = unfitForClients(name) ?? `serviceaccount ${JSON.stringify(name)} not found`;
    throw forbidden(attributes, `error looking up service account ${namespace}/${name}: ${why}`);
  };
  // Joined, as uids are.
  const generatedName = () => [TOKEN_VOLUME_PREFIX, random.suffix(NAME_SUFFIX_LENGTH)].join('');
  /** Goes on with the account, at once where it is there already. */
  const withAccount = (attributes: AdmissionAttributes, name: string, goOn: (account: corev1.ServiceAccount) => void) => {
    const account = attributes.reader.get(corev1.serviceaccounts, name, attributes.namespace);
    return account ? goOn(account) : awaited(attributes, name).then(goOn);
  };
  const completed = (spec: corev1.PodSpec, account: corev1.ServiceAccount) => {
    if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(spec, generatedName);
    if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
      spec.imagePullSecrets = account.imagePullSecrets.map(({ name }) => ({ name }));
    }
  };
  const checked = (attributes: AdmissionAttributes, pod: corev1.Pod, ephemeral: boolean) => {
    const name = pod.spec?.serviceAccountName;
    if (!name) throw forbidden(attributes, `no service account specified for pod ${attributes.namespace}/${pod.metadata?.name ?? ''}`);
    return withAccount(attributes, name, (account) => {
      if (/^(1|t|true)$/i.test(account.metadata?.annotations?.[ENFORCE_MOUNTABLE] ?? '')) limitSecrets(attributes, pod, account, ephemeral);
    });
  };
  return {
    name: 'ServiceAccount',
    admit(attributes) {
      const pod = handledPod(attributes);
      if (!pod || attributes.operation !== 'CREATE') return;
      if (isMirrorPod(pod)) return checkMirrorPod(attributes, pod);
      const spec = pod.spec!;
      spec.serviceAccountName ||= DEFAULT_ACCOUNT;
      // The old name of the field follows the new one, as upstream's conversion has it.
      spec.serviceAccount = spec.serviceAccountName;
      return withAccount(attributes, spec.serviceAccountName, (account) => completed(spec, account));
    },
    validate(attributes) {
      const pod = handledPod(attributes);
      if (!pod) return;
      const ephemeral = attributes.subresource === 'ephemeralcontainers';
      if (attributes.operation !== (ephemeral ? 'UPDATE' : 'CREATE')) return;
      return !ephemeral && isMirrorPod(pod) ? checkMirrorPod(attributes, pod) : checked(attributes, pod, ephemeral);
    },
  };
}

function handledPod(attributes: AdmissionAttributes): corev1.Pod | undefined {
  if (!isResource(attributes, '', 'pods')) return undefined;
  if (attributes.subresource !== '' && attributes.subresource !== 'ephemeralcontainers') return undefined;
  return attributes.object as corev1.Pod | undefined;
}

function checkMirrorPod(attributes: AdmissionAttributes, pod: corev1.Pod): void {
  if (pod.spec?.serviceAccountName) throw forbidden(attributes, 'a mirror pod may not reference service accounts');
  if (podSecretNames(pod).size > 0) throw forbidden(attributes, 'a mirror pod may not reference secrets');
  for (const volume of pod.spec?.volumes ?? []) {
    if (volume.projected?.sources?.some((source) => source.serviceAccountToken)) {
      throw forbidden(attributes, 'a mirror pod may not use ServiceAccountToken volume projections');
    }
  }
}

function mountToken(spec: corev1.PodSpec, generatedName: () => string): void {
  const existing = spec.volumes?.find((volume) => volume.name.startsWith(TOKEN_VOLUME_PREFIX));
  const name = existing?.name ?? generatedName();
  let mounted = false;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    if (container.volumeMounts?.some((mount) => mount.mountPath === TOKEN_MOUNT_PATH)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: TOKEN_MOUNT_PATH }];
    mounted = true;
  }
  if (existing || !mounted) return;
  const sources: corev1.VolumeProjection[] = [
    { serviceAccountToken: { expirationSeconds: TOKEN_EXPIRATION_SECONDS, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
  ];
  spec.volumes = [...(spec.volumes ?? []), { name, projected: { sources, defaultMode: MODE_READ } }];
}

/** For accounts that may only use the secrets they name. */
function limitSecrets(attributes: AdmissionAttributes, pod: corev1.Pod, account: corev1.ServiceAccount, ephemeral: boolean): void {
  const allowed = new Set((account.secrets ?? []).map((each) => each.name));
  const accountName = account.metadata?.name;
  const refuse = (what: string, secret: string | undefined) => {
    const why = `${what}secret.secretName="${secret}" is not allowed because service account ${accountName} does not reference that secret`;
    return forbidden(attributes, why);
  };
  const spec = pod.spec!;
  if (!ephemeral) {
    for (const { secret } of spec.volumes ?? []) {
      if (secret && !allowed.has(secret.secretName)) throw refuse('volume with ', secret.secretName);
    }
  }
  for (const { container, field } of containersOf(spec)) {
    const kind = field.startsWith('spec.init') ? 'init container' : field.startsWith('spec.eph') ? 'ephemeral container' : 'container';
    if ((kind === 'ephemeral container') !== ephemeral) continue;
    for (const { name, valueFrom } of container.env ?? []) {
      const secret = valueFrom?.secretKeyRef;
      if (secret && !allowed.has(secret.name)) throw refuse(`${kind} ${container.name} with envVar ${name} referencing `, secret.name);
    }
    for (const { secretRef } of container.envFrom ?? []) {
      if (secretRef && !allowed.has(secretRef.name)) throw refuse(`${kind} ${container.name} with envFrom referencing `, secretRef.name);
    }
  }
  if (ephemeral) return;
  const pullSecrets = new Set((account.imagePullSecrets ?? []).map((each) => each.name));
  for (const [i, { name }] of (spec.imagePullSecrets ?? []).entries()) {
    if (pullSecrets.has(name)) continue;
    const why = `imagePullSecrets[${i}].name="${name}" is not allowed because service account ${accountName} does not reference that imagePullSecret`;
    throw forbidden(attributes, why);
  }
}
