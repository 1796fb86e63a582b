import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { pod } from '../../test/pods.ts';
import { sysctlName, sysctlRefusal } from './sysctls.ts';

const setting = (name: string, more: Partial<corev1.PodSpec> = {}) =>
  pod({ securityContext: { sysctls: [{ name, value: '1' }] }, ...more });

test('only kernel parameters that concern nobody else may be set', () => {
  assert.equal(sysctlRefusal(setting('net.ipv4.tcp_syncookies'), '6.1.0'), undefined);
  assert.equal(sysctlRefusal(setting('kernel/shm_rmid_forced'), '6.1.0'), undefined);
  const refused = (name: string, more: Partial<corev1.PodSpec> = {}, kernel = '6.1.0') =>
    sysctlRefusal(setting(name, more), kernel)!.message;
  assert.equal(refused('kernel.msgmax'), 'forbidden sysctl: "kernel.msgmax" not allowlisted');
  assert.equal(refused('net.ipv4.tcp_rmem', {}, '4.14.9-generic'), 'forbidden sysctl: "net.ipv4.tcp_rmem" not allowlisted');
  assert.equal(
    refused('net.ipv4.tcp_syncookies', { hostNetwork: true }),
    'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host Net enabled',
  );
  assert.equal(
    refused('kernel.shm_rmid_forced', { hostIPC: true }),
    'forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host IPC enabled',
  );
  assert.equal(sysctlRefusal(setting('kernel.msgmax'), '6.1.0')!.reason, 'SysctlForbidden');
});

test('names may be written with slashes', () => {
  assert.equal(sysctlName('net/ipv4/conf/eno2.100/rp_filter'), 'net.ipv4.conf.eno2/100.rp_filter');
  assert.equal(sysctlName('net.ipv4.conf.eno2/100.rp_filter'), 'net.ipv4.conf.eno2/100.rp_filter');
});
