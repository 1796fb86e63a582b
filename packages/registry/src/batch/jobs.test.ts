import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, checkUpdate, definitionOf, row, template, world } from '../test-support.ts';
import { scheduleFault, timeZoneFault } from './cron-schedule.ts';
import { countIndexes } from './indexes.ts';

const job = (changes: (j: any) => void = () => {}): any => {
  const object = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'import', namespace: 'default', uid: 'u-1', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      parallelism: 1,
      completions: 1,
      backoffLimit: 6,
      completionMode: 'NonIndexed',
      template: template((t) => (t.spec.restartPolicy = 'Never')),
    },
  };
  changes(object);
  definitionOf('Job').prepareForCreate!(object, world().context);
  return object;
};

test('a job selects its pods by labels that it makes', () => {
  const { spec } = job();
  assert.deepEqual(spec.selector, { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u-1' } });
  assert.deepEqual(spec.template.metadata.labels, {
    app: 'web',
    'job-name': 'import',
    'batch.kubernetes.io/job-name': 'import',
    'controller-uid': 'u-1',
    'batch.kubernetes.io/controller-uid': 'u-1',
  });
});

const CASES: [name: string, changes: (j: any) => void, errors: string[]][] = [
  ['nothing wrong', () => {}, []],
  [
    'pods that run for ever',
    (j) => (j.spec.template.spec.restartPolicy = 'Always'),
    ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
  ],
  [
    'indexes and no completions',
    (j) => {
      j.spec.completionMode = 'Indexed';
      delete j.spec.completions;
    },
    ['spec.completions: Required value: when completion mode is Indexed'],
  ],
  [
    'a limit per index without indexes',
    (j) => (j.spec.backoffLimitPerIndex = 1),
    ['spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode'],
  ],
  [
    'exit codes out of order',
    (j) => (j.spec.podFailurePolicy = { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [3, 1] } }] }),
    ['spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [3,1]: must be ordered'],
  ],
];
for (const [name, changes, errors] of CASES) test(`a job with ${name}`, () => assert.deepEqual(check(job(changes)), errors));

test('completions stay, and parallelism may change', () => {
  assert.deepEqual(
    checkUpdate(job(), (j) => (j.spec.parallelism = 3)),
    [],
  );
  assert.deepEqual(
    checkUpdate(job(), (j) => (j.spec.completions = 3)),
    ['spec.completions: Invalid value: 3: field is immutable'],
  );
});

test('a suspended job may be moved to other nodes, a running one not', () => {
  const move = (j: any) => (j.spec.template.spec.nodeSelector = { zone: 'b' });
  assert.deepEqual(
    checkUpdate(
      job((j) => (j.spec.suspend = true)),
      move,
    ),
    [],
  );
  const suspended = job((j) => (j.spec.suspend = true));
  for (const affinity of [{}, { nodeAffinity: {} }])
    assert.deepEqual(
      checkUpdate(suspended, (j) => (j.spec.template.spec.affinity = affinity)),
      [],
    );
  assert.match(checkUpdate(suspended, (j) => (j.spec.template.spec.affinity = { podAffinity: {} }))[0]!, /field is immutable$/);
  assert.match(checkUpdate(job(), move)[0]!, /^spec.template: Invalid value: .*: field is immutable$/);
});

test('the table of jobs', () => {
  const object = job();
  object.status = {
    succeeded: 1,
    startTime: '2026-01-01T00:00:00Z',
    completionTime: '2026-01-01T00:00:42Z',
    conditions: [{ type: 'Complete', status: 'True' }],
  };
  const { Status, Completions, Duration } = row(object);
  assert.deepEqual([Status, Completions, Duration], ['Complete', '1/1', '42s']);
});

test('schedules and time zones', () => {
  for (const good of ['*/5 * * * *', '@hourly', '@every 1h', '0 0 1 jan mon', '1-5/2,7 * * * ?'])
    assert.equal(scheduleFault(good), undefined, good);
  assert.equal(scheduleFault('* * * *'), 'expected exactly 5 fields, found 4: [* * * *]');
  assert.equal(scheduleFault('60 * * * *'), 'end of range (60) above maximum (59): 60');
  assert.equal(scheduleFault('x * * * *'), 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax');
  assert.equal(timeZoneFault('Europe/Berlin'), undefined);
  assert.equal(timeZoneFault('Mars/Olympus'), 'unknown time zone Mars/Olympus');
});

test('indexes of a success policy', () => {
  assert.equal(countIndexes('0,2-4', 5), 4);
  assert.equal(countIndexes('3,1', 5), 'non-increasing order, previous: 3, current: 1');
  assert.equal(countIndexes('7', 5), 'too large index: "7"');
});
