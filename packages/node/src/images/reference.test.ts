import assert from 'node:assert/strict';
import { test } from 'node:test';
import { credentialsFor } from './credentials.ts';
import { fullName, repositoryOf, withDefaultTag } from './reference.ts';

test('a name without tag or digest means latest', () => {
  assert.equal(withDefaultTag('busybox'), 'busybox:latest');
  assert.equal(withDefaultTag('host:5000/a/b'), 'host:5000/a/b:latest');
  assert.equal(withDefaultTag('a:1'), 'a:1');
  const digest = `a@sha256:${'0'.repeat(64)}`;
  assert.equal(withDefaultTag(digest), digest);
  for (const bad of ['', 'A', 'a//b', 'a:', 'a:b:c', '-a']) assert.throws(() => withDefaultTag(bad), /couldn't parse image name/);
});

test('credentials are those of the longest matching registry', () => {
  assert.equal(repositoryOf('busybox:1'), 'docker.io/library/busybox');
  const auth = (user: string) => Buffer.from(`${user}:secret`).toString('base64');
  const auths = { 'r.example.com': { auth: auth('all') }, 'https://r.example.com/team': { auth: auth('team') } };
  const secret = {
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
  };
  assert.equal(credentialsFor('r.example.com/team/app:1', [secret])?.username, 'team');
  assert.equal(credentialsFor('r.example.com/other', [secret])?.username, 'all');
  assert.equal(credentialsFor('elsewhere.example.com/x', [secret]), undefined);
});

test('names are spelled out as the runtime knows them', () => {
  assert.equal(fullName('busybox:1'), 'docker.io/library/busybox:1');
  assert.equal(fullName('board/app:1'), 'docker.io/board/app:1');
  assert.equal(fullName('localhost/app:1'), 'localhost/app:1');
  assert.equal(fullName('registry:5000/app'), 'registry:5000/app');
  assert.equal(fullName('registry.k8s.io/pause:3.10'), 'registry.k8s.io/pause:3.10');
});
