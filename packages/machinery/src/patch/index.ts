export { applyJsonPatch, JSON_PATCH_OPERATIONS_MAX, type JsonPatchOperation } from './json-patch.ts';
export { jsonClone, jsonEqual } from './json-value.ts';
export { applyMergePatch, createMergePatch, createThreeWayJsonMergePatch } from './merge-patch.ts';
export { createThreeWayMergePatch, createTwoWayMergePatch } from './strategic-diff.ts';
export { applyStrategicMergePatch, consumedStrategicMergePatch } from './strategic-patch.ts';
