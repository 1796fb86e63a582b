// DeleteOptions from the body, or from the query when there is none (apiserver endpoints/handlers/delete.go).
import { decodeConfiguration, decodeProtobuf, TooManyValues } from '@tiphys/api';
import { type FieldError, fieldError, statusError } from '@tiphys/machinery';
import { type DeleteOptions, VALUES_MAX } from '@tiphys/registry';

import { bodyText, mediaType } from './body.ts';
import type { RequestContext } from './context.ts';
import { dryRunErrors } from './write-options.ts';

const POLICIES = ['Foreground', 'Background', 'Orphan'];

function fromQuery(query: URLSearchParams): DeleteOptions {
  const options: DeleteOptions = {};
  const grace = query.get('gracePeriodSeconds');
  if (grace !== null && grace !== '') {
    if (!/^-?\d+$/.test(grace)) throw statusError.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`);
    options.gracePeriodSeconds = Number(grace);
  }
  const policy = query.get('propagationPolicy');
  if (policy) options.propagationPolicy = policy as NonNullable<DeleteOptions['propagationPolicy']>;
  const orphan = query.get('orphanDependents');
  if (orphan !== null) options.orphanDependents = orphan !== 'false' && orphan !== '0';
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  if (dryRun.length > 0) options.dryRun = dryRun;
  return options;
}

function fromBody(context: RequestContext): DeleteOptions | undefined {
  const { body, headers } = context.request;
  if (body === undefined || (body instanceof Uint8Array && body.length === 0)) return undefined;
  if (!(body instanceof Uint8Array)) return body as DeleteOptions;
  const type = mediaType(headers['content-type']);
  try {
    if (type === 'application/vnd.kubernetes.protobuf')
      return decodeProtobuf(body, { schema: 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions', valuesMax: VALUES_MAX }) as DeleteOptions;
    return (type === 'application/yaml' ? decodeConfiguration(body, VALUES_MAX).value : JSON.parse(bodyText(body))) as DeleteOptions;
  } catch (error) {
    if (error instanceof TooManyValues) throw error;
    throw statusError.badRequest((error as Error).message);
  }
}

/** Checked options. Throws BadRequest and Invalid. */
export function deleteOptions(context: RequestContext): DeleteOptions {
  const given = fromBody(context) ?? fromQuery(context.info.query);
  if (
    typeof given !== 'object' ||
    given === null ||
    ((('kind' in given) as boolean) && (given as { kind?: string }).kind !== 'DeleteOptions')
  ) {
    throw statusError.badRequest('decoded object cannot be converted to DeleteOptions');
  }
  const errors: FieldError[] = [];
  const { propagationPolicy, orphanDependents, dryRun } = given;
  if (orphanDependents != null && propagationPolicy != null) {
    errors.push(fieldError.invalid('propagationPolicy', propagationPolicy, 'orphanDependents and deletionPropagation cannot be both set'));
  }
  if (propagationPolicy != null && !POLICIES.includes(propagationPolicy)) {
    errors.push(fieldError.notSupported('propagationPolicy', propagationPolicy, [...POLICIES, 'nil']));
  }
  errors.push(...dryRunErrors(dryRun ?? []));
  if (errors.length > 0) throw statusError.invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
  return given;
}
