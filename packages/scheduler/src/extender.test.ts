// What extenders are sent and what becomes of their answers, in upstream's form (pkg/scheduler/extender_test.go; k8s.io/kube-scheduler
// extender/v1, whose fields Go programs write with capitals).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ExtenderConfiguration, extender, preemptedByExtenders } from './extender.ts';
import { feasibleNodes } from './pick.ts';
import { defaultPlugins } from './plugins/index.ts';
import { preemptionAmong, preemptionCandidates } from './preempt.ts';
import { node, pod, snapshotOf } from './testing/snapshot.ts';
import { podInfo } from './world/infos.ts';

const CONFIGURATION: ExtenderConfiguration = { urlPrefix: 'http://x/', httpTimeoutMs: 1000, nodeCacheCapable: true };
const plugins = defaultPlugins();

function asked(configuration: Partial<ExtenderConfiguration>, answer: (verb: string, body: any) => unknown) {
  const sent: any[] = [];
  const made = extender({ ...CONFIGURATION, ...configuration }, async (url, body) => {
    sent.push(body);
    return answer(url.slice('http://x/'.length), body);
  });
  return { made, sent };
}

const three = () => snapshotOf(['a', 'b', 'c'].map((name) => node(name)));

test('filtering: names in, names out, and why others are not among them', async () => {
  const { made, sent } = asked({ filterVerb: 'filter' }, () => ({
    NodeNames: ['b'],
    FailedNodes: { a: 'too warm' },
    FailedAndUnresolvableNodes: { c: 'sold' },
    Error: '',
  }));
  const info = podInfo(pod('p'));
  const found = feasibleNodes(info, three(), plugins, { start: 0, chance: 0 });
  assert.ok(!('diagnosis' in found));
  const left = await made.filter(info, found);
  assert.deepEqual(sent[0], { Pod: info.pod, Nodes: null, NodeNames: ['a', 'b', 'c'] });
  assert.deepEqual(
    left.nodes.map(({ name }) => name),
    ['b'],
  );
  assert.deepEqual(left.refusals.get('a'), { reasons: ['too warm'], unresolvable: false, plugin: 'Extender' });
  assert.deepEqual(left.refusals.get('c'), { reasons: ['sold'], unresolvable: true, plugin: 'Extender' });
});

test('an error in the answer ends the attempt, unless the extender may be ignored', async () => {
  const info = podInfo(pod('p'));
  const found = feasibleNodes(info, three(), plugins, { start: 0, chance: 0 });
  assert.ok(!('diagnosis' in found));
  await assert.rejects(asked({ filterVerb: 'filter' }, () => ({ Error: 'no idea' })).made.filter(info, found), /no idea/);
  const ignored = await asked({ filterVerb: 'filter', ignorable: true }, () => ({ Error: 'no idea' })).made.filter(info, found);
  assert.equal(ignored.nodes.length, 3);
});

test('priorities of 0…10 count as 0…100 by their weight', async () => {
  const { made } = asked({ prioritizeVerb: 'prioritize', weight: 2 }, () => [{ Host: 'b', Score: 5 }]);
  assert.deepEqual(await made.prioritize(podInfo(pod('p')), three().nodes), [0, 100, 0]);
});

test('binding is told in upstream’s words', async () => {
  const { made, sent } = asked({ bindVerb: 'bind' }, () => ({ Error: '' }));
  const one = pod('p');
  await made.bind!(one, 'a');
  assert.deepEqual(sent[0], { PodName: 'p', PodNamespace: 'default', PodUID: one.metadata!.uid, Node: 'a' });
  await assert.rejects(asked({ bindVerb: 'bind' }, () => ({ Error: 'full' })).made.bind!(one, 'a'), /full/);
});

function preemption(configuration: Partial<ExtenderConfiguration>, answer: (body: any, uids: Record<string, string>) => unknown) {
  const urgent = podInfo(pod('urgent', { cpu: '4', priority: 10 }));
  const placed = ['a', 'b'].map((name) => [pod(`on-${name}`, { cpu: '4', priority: 0 }), name] as const);
  const snapshot = snapshotOf(
    ['a', 'b'].map((name) => node(name)),
    placed,
  );
  const uids = Object.fromEntries(placed.map(([one, name]) => [name, one.metadata!.uid!]));
  const found = feasibleNodes(urgent, snapshot, plugins, { start: 0, chance: 0 });
  assert.ok(!('diagnosis' in found));
  const diagnosis = { refusals: found.refusals, nodeCount: 2, prepared: found.prepared };
  const candidates = preemptionCandidates(urgent, diagnosis, snapshot, plugins);
  assert.ok('candidates' in candidates);
  const { made, sent } = asked({ preemptVerb: 'preempt', ...configuration }, (_verb, body) => answer(body, uids));
  return { sent, uids, left: preemptedByExtenders(urgent, candidates.candidates, snapshot, [made]) };
}

test('preemption: an extender that knows the nodes is told uids and leaves one node', async () => {
  const { left, sent, uids } = preemption({}, (_body, by) => ({
    NodeNameToMetaVictims: { b: { Pods: [{ UID: by.b }], NumPDBViolations: 1 } },
  }));
  const outcome = preemptionAmong(await left);
  assert.ok('preemption' in outcome);
  assert.equal(outcome.preemption.nodeName, 'b');
  assert.deepEqual(
    outcome.preemption.victims.map(({ key }) => key),
    ['default/on-b'],
  );
  assert.equal(sent[0].NodeNameToVictims, null);
  assert.deepEqual(sent[0].NodeNameToMetaVictims.a, { Pods: [{ UID: uids.a }], NumPDBViolations: 0 });
});

test('preemption: others are told whole pods', async () => {
  const { left, sent } = preemption({ nodeCacheCapable: false }, () => ({ NodeNameToMetaVictims: {} }));
  assert.deepEqual(preemptionAmong(await left), { reason: 'no candidate node for preemption' });
  assert.equal(sent[0].NodeNameToVictims.a.Pods[0].metadata.name, 'on-a');
});

test('preemption: answers that can not be', async () => {
  const unknown = (ignorable: boolean) =>
    preemption({ ignorable }, () => ({ NodeNameToMetaVictims: { a: { Pods: [{ UID: 'x' }] } } })).left;
  await assert.rejects(unknown(false), /claims to preempt pod \(UID: x\) on node: a, but the pod is not found on that node/);
  assert.equal((await unknown(true)).length, 2);
  const nobody = (ignorable: boolean) => preemption({ ignorable }, () => ({ NodeNameToMetaVictims: { a: { Pods: [] } } })).left;
  await assert.rejects(nobody(false), /expected at least one victim pod on node "a"/);
  assert.deepEqual(await nobody(true), []);
});
