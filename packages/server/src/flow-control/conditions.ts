// Writes the Dangling condition of FlowSchemas (apiserver pkg/util/flowcontrol/apf_controller.go digestConfigObjects).

import { timeText } from '@tiphys/api';
import type { ApiHandler, ApiRequest } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import { LOOPBACK_USER } from '../bootstrap/loopback.ts';
import type { Condition } from './flow-control.ts';

const FIELD_MANAGER = 'api-priority-and-fairness-config-consumer-v1';
const HEADERS = { 'content-type': 'application/apply-patch+yaml', accept: 'application/json' };

/** Failures are logged: the next look at the configuration tries again. */
export function conditionWriter(handler: ApiHandler, { clock, log }: Runtime): (conditions: readonly Condition[]) => void {
  const write = async ({ schema, condition }: Condition) => {
    const request: ApiRequest = {
      method: 'PATCH',
      url: `/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/${schema}/status?fieldManager=${FIELD_MANAGER}&force=true`,
      headers: HEADERS,
      user: LOOPBACK_USER,
      body: {
        apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
        kind: 'FlowSchema',
        metadata: { name: schema },
        status: { conditions: [{ ...condition, lastTransitionTime: timeText(clock.now()) }] },
      },
    };
    const { status } = await handler.handle(request);
    if (status >= 400 && status !== 404) log.warning('the Dangling condition of a FlowSchema was not written', { schema, status });
  };
  return (conditions) => {
    for (const each of conditions) void write(each);
  };
}
