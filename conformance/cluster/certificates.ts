// An authority and what kube-apiserver shows of it, by openssl, as kubeadm makes them.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const DAYS = '30';
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export interface CertificateFiles {
  certificate: string;
  key: string;
}

function request(folder: string, name: string, args: readonly string[]): CertificateFiles {
  const files = { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  // openssl's own configuration would call every certificate an authority.
  const configuration = join(folder, 'openssl.cnf');
  writeFileSync(configuration, '[req]\ndistinguished_name=name\n[name]\n');
  const out = ['-config', configuration, '-days', DAYS, '-keyout', files.key, '-out', files.certificate];
  execFileSync('openssl', ['req', '-x509', ...KEY, ...out, ...args], { stdio: 'pipe' });
  return files;
}

export const makeAuthority = (folder: string): CertificateFiles =>
  request(folder, 'ca', [
    ...['-subj', '/CN=kubernetes', '-addext', 'basicConstraints=critical,CA:TRUE'],
    ...['-addext', 'keyUsage=critical,digitalSignature,keyCertSign', '-addext', 'subjectKeyIdentifier=hash'],
  ]);

export interface CertificateFacts {
  /** Such as `/O=system:masters/CN=kube-apiserver-kubelet-client`. */
  subject: string;
  usage: 'serverAuth' | 'clientAuth';
  /** Such as `IP:192.0.2.1`. */
  names?: readonly string[];
}

export const makeCertificate = (folder: string, authority: CertificateFiles, name: string, facts: CertificateFacts): CertificateFiles =>
  request(folder, name, [
    ...['-CA', authority.certificate, '-CAkey', authority.key, '-subj', facts.subject],
    ...['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', `extendedKeyUsage=${facts.usage}`],
    ...(facts.names ? ['-addext', `subjectAltName=${facts.names.join(',')}`] : []),
  ]);
