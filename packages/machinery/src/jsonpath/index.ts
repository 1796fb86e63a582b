export { type JsonPath, type JsonPathOptions, jsonPath, jsonPathText, relaxedJsonPath } from './jsonpath.ts';
