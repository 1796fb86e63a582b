export * from './apply/index.ts';
export * as cel from './cel/index.ts';
export { CidrValue, IpValue, readAddress, readNetwork } from './cel/library/addresses.ts';
export { parseUrl } from './cel/library/url.ts';
export { referenceProblem, urlProblem } from './cel/library/url-problem.ts';
export { type FieldError, type FieldErrorType, fieldError } from './field-error.ts';
export { goQuoted, goText, goTypeOf } from './go-text.ts';
export * from './jsonpath/index.ts';
export * from './patch/index.ts';
export * from './pods/index.ts';
export * from './quota/index.ts';
export * from './schema/index.ts';
export * from './selectors/index.ts';
export {
  isAlreadyExists,
  isConflict,
  isNotFound,
  isStatus,
  type Status,
  type StatusCause,
  type StatusDetails,
  StatusError,
  statusError,
} from './status-error.ts';
export * from './table/index.ts';
export * from './volumes/index.ts';
export type { ApiBody, ApiHandler, ApiRequest, ApiResponse, HttpMethod, UserInfo, WatchSubscription } from './wire.ts';
