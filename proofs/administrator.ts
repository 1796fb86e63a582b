// Who a kubeconfig of ours is for, as PEM texts.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface Administrator {
  certificateAuthority: string;
  certificate: string;
  key: string;
}

export function administratorOf(kubeconfig: string): Administrator {
  const { clusters, users } = parse(readFileSync(kubeconfig, 'utf8'));
  const text = (encoded: string) => Buffer.from(encoded, 'base64').toString();
  const { 'client-certificate-data': certificate, 'client-key-data': key } = users[0].user;
  return {
    certificateAuthority: text(clusters[0].cluster['certificate-authority-data']),
    certificate: text(certificate),
    key: text(key),
  };
}
