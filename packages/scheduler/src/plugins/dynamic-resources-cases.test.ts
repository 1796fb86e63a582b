// Upstream's table of the plugin DynamicResources as facts, as far as it decides (plugins/dynamicresources dynamicresources_test.go
// TestPlugin of v1.36.3): whether the pod may be tried, where it fits, and what is done when it fits nowhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Runtime, realRandom, silentLogger, virtualClock } from '@tiphys/runtime';
import { DeviceWorld } from '../devices/device-world.ts';
import { firstRefusal, prepare } from '../framework/judge.ts';
import { snapshotOfWorld, worldOf } from '../testing/snapshot.ts';
import { podInfo } from '../world/infos.ts';
import { dynamicResources } from './dynamic-resources.ts';
import tables from './dynamic-resources-cases.json' with { type: 'json' };

const CODES = { error: 1, unresolvable: 3, skip: 5 };
const WORKER = { metadata: { name: 'worker', labels: { 'kubernetes.io/hostname': 'worker' } } };
const runtime: Runtime = { clock: virtualClock(Date.parse(tables.now)), random: realRandom(), log: silentLogger };

interface Status {
  code: number;
  reasons: string[];
}

const withUid = (object: any) => ({ ...object, metadata: { uid: object.metadata.name, ...object.metadata } });

function devicesOf({ claims, classes, slices, pending }: any): DeviceWorld {
  const devices = new DeviceWorld();
  for (const claim of claims ?? []) devices.setClaim(withUid(claim));
  for (const one of classes ?? []) devices.setClass(one);
  for (const slice of slices ?? []) devices.setSlice(slice);
  for (const claim of pending ?? []) devices.pend(withUid(claim).metadata.uid, withUid(claim));
  return devices;
}

/** Refused or not, and with which words; upstream's table is not strict about how a refusal is called. */
function assertStatus(found: Status | undefined, wanted: Status | undefined): void {
  const isPlain = (status: Status | undefined) => !status || status.code === CODES.skip;
  if (isPlain(found) || isPlain(wanted))
    assert.equal(found?.code ?? 0, wanted?.code ?? 0, `${found?.reasons} instead of ${wanted?.reasons}`);
  else assert.ok(found!.reasons.join().endsWith(wanted!.reasons.join()), `${found!.reasons} instead of ${wanted!.reasons}`);
}

for (const one of tables.cases as any[]) {
  test(`claims: ${one.name}`, () => {
    const nodes = one.nodes?.length ? one.nodes : [WORKER];
    const devices = devicesOf(one);
    const snapshot = snapshotOfWorld(worldOf(nodes), { devices });
    const timeout = one.args?.BindingTimeout?.Duration;
    const plugin = dynamicResources(timeout ? { bindingTimeoutMs: timeout / 1e6 } : {}, undefined, runtime);
    const pod = { ...one.pod, spec: { containers: [], ...one.pod.spec } };
    const gate = plugin.preEnqueue!(pod, snapshot);
    assertStatus(gate && { code: CODES.unresolvable, reasons: [...gate.reasons] }, one.preEnqueue);
    if (gate) return;
    const info = podInfo(pod);
    const result = plugin.preFilter!(info, snapshot);
    if (result?.skip) return assertStatus({ code: CODES.skip, reasons: [] }, one.preFilter);
    assertStatus(result?.refusal && { code: CODES.unresolvable, reasons: [...result.refusal.reasons] }, one.preFilter);
    if (result?.refusal) return;
    const prepared = prepare(info, snapshot, [plugin]);
    assert.ok(!('everywhere' in prepared));
    let fits = false;
    for (const node of snapshot.nodes) {
      let status: Status | undefined;
      try {
        const refusal = firstRefusal(prepared.wide, info, node);
        status = refusal && { code: CODES.unresolvable, reasons: [...refusal.reasons] };
      } catch (error) {
        status = { code: CODES.error, reasons: [(error as Error).message] };
      }
      fits ||= status === undefined;
      assertStatus(status, one.filter?.[node.name]);
    }
    if (!fits && one.postFilter)
      assert.equal(plugin.postFilter!(info, prepared.states.get(plugin) as any).reason, one.postFilter.reasons[0]);
  });
}
