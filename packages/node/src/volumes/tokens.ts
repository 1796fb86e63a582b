// Bound service account tokens for pods, renewed before they end (pkg/kubelet/token/token_manager.go).
import { type authenticationv1, corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import type { Clock } from '@tiphys/runtime';

interface Held {
  token: string;
  expiresMs: number;
  lifeMs: number;
}

export interface TokenSource {
  token(pod: corev1.Pod, source: corev1.ServiceAccountTokenProjection): Promise<string>;
  release(podUid: string): void;
}

const LIFE_SECONDS_DEFAULT = 3600;
const AGE_MS_MAX = 24 * 3600 * 1000;
/** Renewed when a fifth of its life is left. */
const RENEW_SHARE = 0.2;

export function tokenSource(client: Client, clock: Clock): TokenSource {
  const held = new Map<string, Held>();
  const needsRenewal = ({ expiresMs, lifeMs }: Held) => {
    const leftMs = expiresMs - clock.now();
    return leftMs < lifeMs * RENEW_SHARE || lifeMs - leftMs > AGE_MS_MAX;
  };
  return {
    token: async (pod, source) => {
      const { namespace, name, uid } = pod.metadata!;
      const key = JSON.stringify([uid, source.audience, source.expirationSeconds]);
      const known = held.get(key);
      if (known && !needsRenewal(known)) return known.token;
      try {
        const request: authenticationv1.TokenRequest = {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: {
            audiences: source.audience ? [source.audience] : [],
            expirationSeconds: source.expirationSeconds ?? LIFE_SECONDS_DEFAULT,
            boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: name!, uid: uid! },
          },
        } as authenticationv1.TokenRequest;
        const account = pod.spec!.serviceAccountName || 'default';
        const answer = await client.of(corev1.serviceaccounts).post<authenticationv1.TokenRequest>(account, namespace, 'token', request);
        const { token = '', expirationTimestamp } = answer.status!;
        const expiresMs = Date.parse(expirationTimestamp as string);
        held.set(key, { token, expiresMs, lifeMs: expiresMs - clock.now() });
        return token;
      } catch (error) {
        if (known && known.expiresMs > clock.now()) return known.token;
        throw error;
      }
    },
    release: (podUid) => {
      const prefix = `[${JSON.stringify(podUid)},`;
      for (const key of held.keys()) if (key.startsWith(prefix)) held.delete(key);
    },
  };
}
