import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, startedServer } from '../../test/server.ts';

test('no plugin minds a connection that is none of its business', async () => {
  await using server = await startedServer();
  const paths = [
    'pods/web/exec?command=ls',
    'pods/web/attach?stdin=1',
    'pods/web/portforward?ports=80,81',
    'pods/web/proxy/x',
    'services/web/proxy',
  ];
  for (const path of paths) {
    const { code, object } = await call(server, 'POST', `/api/v1/namespaces/default/${path}`, undefined);
    assert.ok(code === 404 || code === 405, `${path}: ${code} ${object?.message}`);
  }
  const user = { name: 'system:node:n1', groups: ['system:nodes', 'system:masters', 'system:authenticated'] };
  const { code } = await call(server, 'GET', '/api/v1/nodes/n1/proxy/metrics', undefined, user);
  assert.ok(code === 404 || code === 405);
});
