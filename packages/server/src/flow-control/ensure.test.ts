import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { flowcontrolv1 } from '@tiphys/api';
import { FLOW_SCHEMAS, PRIORITY_LEVELS } from '../bootstrap/flow-control.ts';
import { revised } from './ensure.ts';

const wanted = FLOW_SCHEMAS.find(({ metadata }) => metadata!.name === 'global-default')!;
const stored = (schema: flowcontrolv1.FlowSchema): flowcontrolv1.FlowSchema => ({
  ...schema,
  metadata: { ...schema.metadata, generation: 1, uid: 'u' },
});
const changed = (schema: flowcontrolv1.FlowSchema, annotation?: string): flowcontrolv1.FlowSchema => ({
  ...stored(schema),
  metadata: {
    ...schema.metadata,
    generation: 2,
    annotations: annotation === undefined ? {} : { 'apf.kubernetes.io/autoupdate-spec': annotation },
  },
  spec: { ...schema.spec!, matchingPrecedence: 77 },
});
const autoUpdate = (object: flowcontrolv1.FlowSchema | undefined) => object?.metadata?.annotations?.['apf.kubernetes.io/autoupdate-spec'];

test('suggested objects are kept as long as their annotation says so', () => {
  assert.equal(revised(stored(wanted), wanted), undefined);
  assert.equal(revised(changed(wanted, 'true'), wanted)!.spec!.matchingPrecedence, 9900);
  assert.equal(revised(changed(wanted, 'false'), wanted), undefined);
  const kept = revised(changed(wanted), wanted)!;
  assert.deepEqual([kept.spec!.matchingPrecedence, autoUpdate(kept)], [77, 'false']);
});

test('mandatory objects are always put right, but what exempt lends is the administrator’s', () => {
  const catchAll = FLOW_SCHEMAS.find(({ metadata }) => metadata!.name === 'catch-all')!;
  assert.deepEqual(
    [revised(changed(catchAll, 'false'), catchAll)!.spec!.matchingPrecedence, autoUpdate(revised(changed(catchAll, 'false'), catchAll))],
    [10_000, 'true'],
  );
  const exempt = PRIORITY_LEVELS.find(({ metadata }) => metadata!.name === 'exempt')!;
  const lending = { ...exempt, spec: { ...exempt.spec!, exempt: { nominalConcurrencyShares: 7, lendablePercent: 50 } } };
  assert.equal(revised(lending, exempt), undefined);
});
