// Users by TLS client certificate: CN is the user, each O a group (apiserver authentication/request/x509).
import { X509Certificate } from 'node:crypto';
import { statusError, type UserInfo } from '@tiphys/machinery';
import type { Clock } from '@tiphys/runtime';
import type { Authenticator } from '../interfaces.ts';
import { CREDENTIAL_ID } from './names.ts';

const EXTENDED_USAGE_CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const EXTENDED_USAGE_ANY = '2.5.29.37.0';
/** id-kubernetes-user-uid in a subject, see KEP-4193. */
const UID_ATTRIBUTE = '1.3.6.1.4.1.57683.2';
const CHAIN_LENGTH_MAX = 8;

export interface ClientCertificateOptions {
  /** PEM bundle of the authorities whose certificates are accepted. */
  certificateAuthorityPem: string;
  clock: Clock;
}

export interface Verified {
  user: UserInfo | undefined;
  validFromMs: number;
  validToMs: number;
}

/** Verification is done once per connection: the edge hands the same bytes for each of its requests. */
export function clientCertificateAuthenticator(options: ClientCertificateOptions): Authenticator {
  const authorities = pemCertificates(options.certificateAuthorityPem);
  const seen = new WeakMap<Uint8Array, Verified>();
  return {
    authenticate(request) {
      const chain = request.peer?.certificateChain;
      const leaf = chain?.[0];
      if (!chain || !leaf) return undefined;
      let verified = seen.get(leaf);
      if (!verified) {
        verified = verifyChain(chain, authorities, options.clock.now());
        seen.set(leaf, verified);
      }
      const nowMs = options.clock.now();
      if (nowMs < verified.validFromMs || nowMs > verified.validToMs) throw statusError.unauthorized();
      return verified.user;
    },
  };
}

export function pemCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

function isValidAt(certificate: X509Certificate, nowMs: number): boolean {
  return nowMs >= certificate.validFromDate.getTime() && nowMs <= certificate.validToDate.getTime();
}

/** Walks from the leaf over the intermediates that the client sent to one of the authorities. */
export function verifyChain(chain: readonly Uint8Array[], authorities: readonly X509Certificate[], nowMs: number): Verified {
  const certificates = chain.slice(0, CHAIN_LENGTH_MAX).map((der) => new X509Certificate(der));
  const leaf = certificates[0]!;
  const path = [leaf];
  const issued = (child: X509Certificate, parent: X509Certificate) =>
    parent.ca && child.checkIssued(parent) && child.verify(parent.publicKey) && isValidAt(parent, nowMs);
  for (let current = leaf; path.length <= CHAIN_LENGTH_MAX; ) {
    const root = authorities.find((authority) => authority.raw.equals(current.raw) || issued(current, authority));
    if (root) {
      if (!allowsClientAuthentication(leaf) || !isValidAt(leaf, nowMs)) throw statusError.unauthorized();
      path.push(root);
      return {
        user: userOf(leaf),
        validFromMs: Math.max(...path.map((each) => each.validFromDate.getTime())),
        validToMs: Math.min(...path.map((each) => each.validToDate.getTime())),
      };
    }
    const parent = certificates.find((each) => !path.includes(each) && issued(current, each));
    if (!parent) break;
    path.push(parent);
    current = parent;
  }
  throw statusError.unauthorized();
}

/** Certificates without the extension are good for everything, as in Go. */
function allowsClientAuthentication(certificate: X509Certificate): boolean {
  const usages: readonly string[] | undefined = certificate.keyUsage;
  if (!usages || usages.length === 0) return true;
  return usages.includes(EXTENDED_USAGE_CLIENT_AUTH) || usages.includes(EXTENDED_USAGE_ANY);
}

function userOf(leaf: X509Certificate): UserInfo | undefined {
  // The object form keeps values apart that the text form would need unescaping for.
  const subject = leaf.toLegacyObject().subject as unknown as Record<string, string | string[] | undefined>;
  const values = (key: string): string[] => {
    const value = subject[key];
    return value === undefined ? [] : Array.isArray(value) ? value : [value];
  };
  // Go takes the last of several common names.
  const name = values('CN').at(-1);
  if (!name) return undefined;
  const uids = values(UID_ATTRIBUTE);
  if (uids.length > 1) throw statusError.unauthorized();
  const fingerprint = leaf.fingerprint256.replaceAll(':', '').toLowerCase();
  return {
    name,
    ...(uids[0] ? { uid: uids[0] } : {}),
    groups: values('O'),
    extra: { [CREDENTIAL_ID]: [`X509SHA256=${fingerprint}`] },
  };
}
