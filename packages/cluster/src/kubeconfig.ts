// The administrator's kubeconfig: what kubectl and every client library read.
import { stringify } from 'yaml';
import type { ClusterKeys } from './certificates/cluster-keys.ts';

const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64');

export function administratorKubeconfig(url: string, keys: ClusterKeys, name = 'tiphys'): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url, 'certificate-authority-data': base64(keys.authority.certificatePem) } }],
    users: [
      {
        name: `${name}-admin`,
        user: {
          'client-certificate-data': base64(keys.administrator.certificatePem),
          'client-key-data': base64(keys.administrator.privateKeyPem),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: `${name}-admin` } }],
    'current-context': name,
  });
}
