import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSetup, describeSetup, parseUpstream, type Setup, setupFlags, setupName } from './setup.ts';

const setup = (upstream: string, etcd = false, nodes = 2): Setup => ({ nodes, upstream: parseUpstream(upstream), etcd });

test('our own cluster has no name, and every other has one that does not depend on the order of words', () => {
  assert.equal(setupName(setup('')), '');
  assert.equal(setupName(setup('', true)), 'etcd');
  assert.equal(setupName(setup('scheduler,controllers')), 'upstream-controllers-scheduler');
  assert.equal(setupName(setup('kubelet', true)), 'upstream-kubelet-etcd');
});

test('flags ask for the same cluster again', () => {
  assert.equal(setupFlags(setup('')), '');
  assert.equal(setupFlags(setup('scheduler,controllers', true, 3)), '--nodes 3 --upstream controllers,scheduler --etcd');
});

test('what can not be put together is refused', () => {
  assert.throws(() => parseUpstream('kubelets'), /--upstream takes apiserver, controllers, scheduler, kubelet, not kubelets/);
  assert.throws(() => checkSetup(setup('apiserver,kubelet')), /nothing of ours/);
  assert.throws(() => checkSetup(setup('apiserver', true)), /has one anyway/);
  checkSetup(setup('controllers,scheduler,kubelet', true));
});

test('a page says what the tests ran against', () => {
  assert.match(describeSetup(setup('kubelet', true)), /with upstream's kubelet and kube-proxy in place of ours, with its state in etcd$/);
  assert.match(describeSetup(setup('', false, 1)), /^a cluster on one machine with real containers$/);
});
