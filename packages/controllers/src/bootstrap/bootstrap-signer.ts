// Signs the kubeconfig in kube-public/cluster-info with every bootstrap token, so that who has a token can trust it
// (pkg/controller/bootstrap/bootstrapsigner.go; cluster-bootstrap token/jws). Off in kube-controller-manager, on with kubeadm.
import { createHmac } from 'node:crypto';
import { corev1 } from '@tiphys/api';
import { isConflict, isNotFound } from '@tiphys/machinery';
import { update, wakeAt } from '../runtime/actions.ts';
import { defineController } from '../runtime/controller.ts';
import { keyOf, nameOf, namespaceOf } from '../runtime/objects.ts';
import { type BootstrapToken, expiresAtMs, isBootstrapToken, signingToken } from './bootstrap-tokens.ts';

const CONFIG_KEY = 'kubeconfig';
const SIGNATURE_PREFIX = 'jws-kubeconfig-';

const isClusterInfo = (map: corev1.ConfigMap) => namespaceOf(map) === 'kube-public' && nameOf(map) === 'cluster-info';

/** A compact JWS without the content in its middle. */
export function detachedSignature(content: string, { id, secret }: BootstrapToken): string {
  const encode = (text: string) => Buffer.from(text, 'utf8').toString('base64url');
  const header = encode(JSON.stringify({ alg: 'HS256', kid: id }));
  const signature = createHmac('sha256', secret)
    .update(`${header}.${encode(content)}`)
    .digest('base64url');
  return `${header}..${signature}`;
}

/** The data with exactly the tokens' signatures. */
export function signedData(data: Readonly<Record<string, string>>, tokens: readonly BootstrapToken[]): Record<string, string> {
  const signed = Object.fromEntries(Object.entries(data).filter(([key]) => !key.startsWith(SIGNATURE_PREFIX)));
  for (const token of tokens) signed[SIGNATURE_PREFIX + token.id] ??= detachedSignature(data[CONFIG_KEY]!, token);
  return signed;
}

const sameData = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>) =>
  Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((key) => a[key] === b[key]);

export const bootstrapSigner = defineController<corev1.ConfigMap>({
  name: 'bootstrap-signer',
  for: corev1.configmaps,
  triggers: isClusterInfo,
  watches: [
    {
      type: corev1.secrets,
      keys: (secret: corev1.Secret, snapshot) => {
        const map = isBootstrapToken(secret) ? snapshot.get(corev1.configmaps, 'cluster-info', 'kube-public') : undefined;
        return map ? [keyOf(map)] : [];
      },
    },
  ],
  plan({ object: map, list }, nowMs) {
    const { data = {} } = map;
    if (!isClusterInfo(map) || data[CONFIG_KEY] === undefined) return [];
    const secrets = list(corev1.secrets, 'kube-system').filter(isBootstrapToken);
    const tokens = secrets.map((secret) => signingToken(secret, nowMs)).filter((token) => token !== undefined);
    const signed = signedData(data, tokens);
    const ends = secrets.map(expiresAtMs).filter((atMs) => atMs !== undefined && atMs > nowMs);
    const wake = ends.length > 0 ? [wakeAt(Math.min(...(ends as number[])), 'a token ends')] : [];
    if (sameData(data, signed)) return wake;
    const tolerate = (error: unknown) => isConflict(error) || isNotFound(error);
    return [update(corev1.configmaps, { ...map, data: signed }, 'the tokens have changed', { tolerate }), ...wake];
  },
});
