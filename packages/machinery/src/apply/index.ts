export { holdsUnlike } from './compare.ts';
export { emptyObject } from './empty-object.ts';
export type { FieldTree } from './field-tree.ts';
export { mergeTyped } from './merge.ts';
export { managersOfScaled, scaleManagers } from './scale-managers.ts';
export { type ApplyResult, kindText, LAST_APPLIED_ANNOTATION, serverSideApply, subjectText } from './server-side-apply.ts';
export { type FieldManager, type TrackedType, trackUpdate, withTimesKept } from './track-update.ts';
export { typedErrors } from './typed-errors.ts';
