// The kinds of dynamic resource allocation (registry/resource, printers printResourceClaim, printResourceSlice).
import type { resourcev1 } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import type { ResourceDefinition } from '../define-resource.ts';
import { text, withNameAndAge } from '../rules/columns.ts';
import { isLongName } from '../rules/formats.ts';
import { claimPermissions } from './claim-permissions.ts';
import {
  prepareClaimStatus,
  validateClaim,
  validateClaimStatus,
  validateClaimUpdate,
  validateTemplate,
  validateTemplateUpdate,
} from './claim-rules.ts';
import { prepareSliceCreate, prepareSliceUpdate, validateClass, validateSlice, warnOfDriver } from './slice-rules.ts';

const GROUP = 'resource.k8s.io';

/** Every state that holds, in upstream's order. */
function claimState({ metadata, status }: resourcev1.ResourceClaim): string {
  const states: string[] = [];
  if (metadata?.deletionTimestamp) states.push('deleted');
  if (!status?.allocation) {
    if (!metadata?.deletionTimestamp) states.push('pending');
  } else states.push('allocated');
  if (status?.allocation && status.reservedFor?.length) states.push('reserved');
  return states.join(',');
}

export const resourceTables: ResourceDefinition<any>[] = [
  defineBuiltIn<resourcev1.DeviceClass>(GROUP, 'v1', 'deviceclasses', {
    validateName: isLongName,
    validateCreate: (object) => validateClass(object),
    validateUpdate: (object) => validateClass(object),
    columns: withNameAndAge<resourcev1.DeviceClass>(),
  }),
  defineBuiltIn<resourcev1.ResourceClaim>(GROUP, 'v1', 'resourceclaims', {
    validateCreate: validateClaim,
    validateUpdate: validateClaimUpdate,
    status: { prepareForUpdate: prepareClaimStatus, permissions: claimPermissions, validateUpdate: validateClaimStatus },
    columns: withNameAndAge<resourcev1.ResourceClaim>(text('State', claimState)),
  }),
  defineBuiltIn<resourcev1.ResourceClaimTemplate>(GROUP, 'v1', 'resourceclaimtemplates', {
    validateCreate: validateTemplate,
    validateUpdate: validateTemplateUpdate,
    columns: withNameAndAge<resourcev1.ResourceClaimTemplate>(),
  }),
  defineBuiltIn<resourcev1.ResourceSlice>(GROUP, 'v1', 'resourceslices', {
    prepareForCreate: prepareSliceCreate,
    prepareForUpdate: prepareSliceUpdate,
    validateCreate(slice, { warn }) {
      const errors = validateSlice(slice);
      if (errors.length === 0) warnOfDriver(slice, warn);
      return errors;
    },
    validateUpdate(slice, old, { warn }) {
      const errors = validateSlice(slice, old);
      if (errors.length === 0) warnOfDriver(slice, warn);
      return errors;
    },
    selectableFields: ({ spec }) => ({ 'spec.nodeName': spec?.nodeName ?? '', 'spec.driver': spec?.driver ?? '' }),
    columns: withNameAndAge<resourcev1.ResourceSlice>(
      text('Node', ({ spec }) => spec?.nodeName ?? '<unset>'),
      text('Driver', ({ spec }) => spec?.driver ?? ''),
      text('Pool', ({ spec }) => spec?.pool?.name ?? ''),
    ),
  }),
];
