// Tokens of servers: beside the token the cluster keeps what a server needs, sealed, and lets only the token's user read it. All of it
// belongs to the token's Secret and goes with it, at the latest when the token expires (kubeadm's secret kubeadm-certs is kept so).
import { corev1, type OwnerReference, rbacv1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { StatusError } from '@tiphys/machinery';
import type { Clock, Random } from '@tiphys/runtime';
import { ConfigurationError } from '../configuration.ts';
import { type ServerParcel, seal, unseal } from './server-parcel.ts';
import { type JoinToken, newServerToken, type ServerToken, secretName, serverTokenText, TOKEN_NAMESPACE, tokenSecret } from './token.ts';
import { type CreatedToken, publishedServer } from './tokens.ts';

const RBAC = 'rbac.authorization.k8s.io';
const PARCEL_TYPE = 'tiphys.dev/server-parcel';
const PARCEL_KEY = 'parcel';

const parcelName = ({ id }: JoinToken) => `tiphys-server-${id}`;
/** As the API server calls who shows the token. */
const userOf = ({ id }: JoinToken) => `system:bootstrap:${id}`;

/** The sealed parcel, and the right to read it. Pure. */
export function parcelObjects(token: ServerToken, sealed: Buffer, owner: OwnerReference) {
  const metadata = { name: parcelName(token), namespace: TOKEN_NAMESPACE, ownerReferences: [owner] };
  const secret: corev1.Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata,
    type: PARCEL_TYPE,
    data: { [PARCEL_KEY]: sealed.toString('base64') },
  };
  const role: rbacv1.Role = {
    apiVersion: `${RBAC}/v1`,
    kind: 'Role',
    metadata,
    rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: [metadata.name] }],
  };
  const binding: rbacv1.RoleBinding = {
    apiVersion: `${RBAC}/v1`,
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: RBAC, kind: 'Role', name: metadata.name },
    subjects: [{ apiGroup: RBAC, kind: 'User', name: userOf(token) }],
  };
  return { secret, role, binding };
}

/** `ttlMs` undefined: until somebody deletes it. */
export async function createServerToken(
  client: Client,
  { clock, random }: { clock: Clock; random: Random },
  parcel: ServerParcel,
  ttlMs: number | undefined,
): Promise<CreatedToken> {
  const published = await publishedServer(client);
  const token = newServerToken(random);
  const secrets = client.of(corev1.secrets);
  const { metadata } = await secrets.create(tokenSecret(token, ttlMs === undefined ? undefined : clock.now() + ttlMs));
  const owner: OwnerReference = { apiVersion: 'v1', kind: 'Secret', name: secretName(token.id), uid: metadata!.uid! };
  const { secret, role, binding } = parcelObjects(token, seal(parcel, token, random), owner);
  try {
    await secrets.create(secret);
    await client.of(rbacv1.roles).create(role);
    await client.of(rbacv1.rolebindings).create(binding);
  } catch (error) {
    // Half a token is of no use to anybody.
    await secrets.delete(secretName(token.id), TOKEN_NAMESPACE).catch(() => undefined);
    throw error;
  }
  return { ...published, token: serverTokenText(token) };
}

/** As whoever has the token. */
export async function fetchParcel(client: Client, token: ServerToken): Promise<ServerParcel> {
  const { data } = await client
    .of(corev1.secrets)
    .get(parcelName(token), TOKEN_NAMESPACE)
    .catch((error) => {
      if (!(error instanceof StatusError) || (error.code !== 403 && error.code !== 404)) throw error;
      throw new ConfigurationError(
        `the cluster keeps nothing for the token "${token.id}": make another on the server’s machine with: tiphys token create --role server`,
        { cause: error },
      );
    });
  return unseal(Buffer.from(data?.[PARCEL_KEY] ?? '', 'base64'), token);
}
