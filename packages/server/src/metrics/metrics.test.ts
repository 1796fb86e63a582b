import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime } from '@tiphys/runtime';
import { memoryStore } from '@tiphys/storage';
import { createApiServer } from '../api-server.ts';

const user = { name: 'admin', groups: ['system:masters'] };

test('what is asked and kept is told under upstream’s names', async () => {
  const refusing = { name: 'Slow', validate: async () => {} };
  await using server = createApiServer({
    runtime: realRuntime(),
    store: memoryStore(),
    definitions: builtinDefinitions(),
    admission: [refusing],
    flowControl: {},
  });
  await server.ready;
  const ask = (method: ApiRequest['method'], url: string, body?: object, type = 'application/json') =>
    server.handle({ method, url, headers: { 'content-type': type }, user, ...(body ? { body } : {}) });
  const maps = '/api/v1/namespaces/a/configmaps';
  await ask('POST', maps, { metadata: { name: 'x' } });
  await ask('POST', `${maps}?dryRun=All`, { metadata: { name: 'y' } });
  await ask('GET', maps);
  await ask('GET', `${maps}/x`);
  await ask('PATCH', `${maps}/x?fieldManager=m`, { apiVersion: 'v1', kind: 'ConfigMap', data: { a: 'b' } }, 'application/apply-patch+yaml');
  for (let i = 0; i < 100; i++) await ask('GET', `/apis/made.up/v${i}/things${i}/name`);
  await ask('GET', '/healthz');
  const { body } = await ask('GET', '/metrics');
  const text = Buffer.from((body as { bytes: Uint8Array }).bytes).toString();
  const has = (line: string) => assert.ok(text.includes(`\n${line}`), `${line}\nis not in\n${text.slice(0, 3000)}`);
  const map = (verb: string, scope: string, dryRun = '') =>
    `verb="${verb}",dry_run="${dryRun}",group="",version="v1",resource="configmaps",subresource="",scope="${scope}",component="apiserver"`;
  has(`apiserver_request_total{${map('POST', 'resource')},code="201"} 1`);
  has(`apiserver_request_total{${map('POST', 'resource', 'All')},code="201"} 1`);
  has(`apiserver_request_total{${map('LIST', 'namespace')},code="200"} 1`);
  has(`apiserver_request_total{${map('APPLY', 'resource')},code="200"} 1`);
  has(`apiserver_request_duration_seconds_count{${map('GET', 'resource')}} 1`);
  has(
    'apiserver_request_total{verb="GET",dry_run="",group="",version="",resource="",subresource="/healthz",scope="",component="apiserver",code="200"} 1',
  );
  has('apiserver_current_inflight_requests{request_kind="readOnly"} 1');
  has('apiserver_storage_objects{resource="configmaps"} 1');
  has('apiserver_resource_objects{group="",resource="configmaps"} 1');
  has('etcd_requests_total{operation="create",group="",resource="configmaps"} 1');
  has('apiserver_admission_step_admission_duration_seconds_count{type="validate",operation="CREATE",rejected="false"} 2');
  has('apiserver_admission_controller_admission_duration_seconds_count{name="Slow",type="validate",operation="CREATE",rejected="false"} 2');
  has('apiserver_flowcontrol_dispatched_requests_total{priority_level="exempt",flow_schema="exempt"} ');
  has('kubernetes_feature_enabled{name="APIServerTracing",stage=""} 1');
  assert.match(text, /\nkubernetes_build_info\{.*major="1",minor="36".*\} 1\n/);
  assert.match(text, /\nprocess_start_time_seconds \d+/);
  assert.equal(text.includes('things7'), false, 'callers can not make up series');
  for (const line of text.trimEnd().split('\n')) assert.match(line, /^(# (HELP|TYPE) |[a-z_]+(\{.*\})? [-+0-9.e]+$)/, line);
  const names = text.split('\n').filter((line) => line.startsWith('# TYPE'));
  assert.equal(new Set(names).size, names.length);
});
