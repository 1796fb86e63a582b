import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '@tiphys/machinery';
import { silentLogger } from '@tiphys/runtime';
import { Retryable } from '@tiphys/std';
import { UncertainWrite } from '@tiphys/storage';
import type { Core } from '../request/context.ts';
import { commit } from './write.ts';

const coreOf = (error: Error) => ({ store: { commit: () => Promise.reject(error) }, runtime: { log: silentLogger } }) as unknown as Core;

test('clients are told to try again only where nothing was written', async () => {
  const answer = async (error: Error) => {
    const refused = await commit(coreOf(error), { type: 'delete', key: '/registry/pods/a', expectedRevision: 1 }).catch((thrown) => thrown);
    assert.ok(refused instanceof StatusError);
    return [refused.code, refused.details?.retryAfterSeconds];
  };
  assert.deepEqual(await answer(new Retryable('the disk is full')), [500, 1]);
  assert.deepEqual(await answer(new UncertainWrite('the answer was lost')), [500, undefined]);
});
