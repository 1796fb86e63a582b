// The messages of etcd's v3 API that the store uses, as tables of field numbers (etcd api/etcdserverpb/rpc.proto,
// api/mvccpb/kv.proto). Identities of 64 bits keep every digit; revisions and counts are numbers.

export const CompareTarget = { VERSION: 0, CREATE: 1, MOD: 2 } as const;
export const EventType = { PUT: 0, DELETE: 1 } as const;
export const AlarmType = { NONE: 0, NOSPACE: 1, CORRUPT: 2 } as const;

export interface Header {
  clusterId?: bigint;
  memberId?: bigint;
  revision?: number;
}
export interface KeyValue {
  key?: Uint8Array;
  createRevision?: number;
  modRevision?: number;
  version?: number;
  value?: Uint8Array;
  lease?: bigint;
}
export interface RangeRequest {
  key: Uint8Array;
  rangeEnd?: Uint8Array;
  limit?: number;
  revision?: number;
  serializable?: boolean;
  keysOnly?: boolean;
  countOnly?: boolean;
}
export interface RangeResponse {
  header?: Header;
  kvs?: KeyValue[];
  more?: boolean;
  count?: number;
}
export interface PutRequest {
  key: Uint8Array;
  value: Uint8Array;
  lease?: bigint;
}
export interface DeleteRangeRequest {
  key: Uint8Array;
  rangeEnd?: Uint8Array;
}
export interface DeleteRangeResponse {
  header?: Header;
  deleted?: number;
}
export interface Compare {
  /** 0: equal. */
  result: number;
  target: number;
  key: Uint8Array;
  version?: number;
  modRevision?: number;
}
export interface RequestOp {
  requestRange?: RangeRequest;
  requestPut?: PutRequest;
  requestDeleteRange?: DeleteRangeRequest;
}
export interface ResponseOp {
  responseRange?: RangeResponse;
  responseDeleteRange?: DeleteRangeResponse;
}
export interface TxnRequest {
  compare: Compare[];
  success: RequestOp[];
  failure: RequestOp[];
}
export interface TxnResponse {
  header?: Header;
  succeeded?: boolean;
  responses?: ResponseOp[];
}
export interface WatchRequest {
  createRequest?: { key: Uint8Array; rangeEnd?: Uint8Array; startRevision?: number; progressNotify?: boolean; fragment?: boolean };
  progressRequest?: Record<string, never>;
}
export interface WatchEvent {
  type?: number;
  kv?: KeyValue;
}
export interface WatchResponse {
  header?: Header;
  created?: boolean;
  canceled?: boolean;
  /** Set when the watch asked for what is compacted. */
  compactRevision?: number;
  cancelReason?: string;
  /** More of the same revisions follows in the next message. */
  fragment?: boolean;
  events?: WatchEvent[];
}
export interface LeaseGrantResponse {
  header?: Header;
  id?: bigint;
  ttl?: number;
}
export interface Member {
  id?: bigint;
  name?: string;
  peerUrls?: string[];
  clientUrls?: string[];
  isLearner?: boolean;
}
export interface StatusResponse {
  header?: Header;
  version?: string;
  dbSize?: number;
  leader?: bigint;
  errors?: string[];
  dbSizeInUse?: number;
  isLearner?: boolean;
  dbSizeQuota?: number;
}
export interface SnapshotResponse {
  header?: Header;
  remainingBytes?: number;
  blob?: Uint8Array;
}

/** Message → its fields as `number name type`, joined by commas; `*` marks a repeated field. */
export const etcdMessages: Readonly<Record<string, string>> = {
  Header: '1 clusterId biguint64,2 memberId biguint64,3 revision int64',
  KeyValue: '1 key bytes,2 createRevision int64,3 modRevision int64,4 version int64,5 value bytes,6 lease bigint64',
  RangeRequest: '1 key bytes,2 rangeEnd bytes,3 limit int64,4 revision int64,7 serializable bool,8 keysOnly bool,9 countOnly bool',
  RangeResponse: '1 header Header,2 kvs *KeyValue,3 more bool,4 count int64',
  PutRequest: '1 key bytes,2 value bytes,3 lease bigint64',
  PutResponse: '1 header Header',
  DeleteRangeRequest: '1 key bytes,2 rangeEnd bytes',
  DeleteRangeResponse: '1 header Header,2 deleted int64',
  RequestOp: '1 requestRange RangeRequest,2 requestPut PutRequest,3 requestDeleteRange DeleteRangeRequest',
  ResponseOp: '1 responseRange RangeResponse,3 responseDeleteRange DeleteRangeResponse',
  Compare: '1 result int32,2 target int32,3 key bytes,4 version int64,6 modRevision int64',
  TxnRequest: '1 compare *Compare,2 success *RequestOp,3 failure *RequestOp',
  TxnResponse: '1 header Header,2 succeeded bool,3 responses *ResponseOp',
  CompactionRequest: '1 revision int64,2 physical bool',
  CompactionResponse: '1 header Header',
  WatchRequest: '1 createRequest WatchCreateRequest,3 progressRequest WatchProgressRequest',
  WatchCreateRequest: '1 key bytes,2 rangeEnd bytes,3 startRevision int64,4 progressNotify bool,8 fragment bool',
  WatchProgressRequest: '',
  WatchResponse:
    '1 header Header,3 created bool,4 canceled bool,5 compactRevision int64,6 cancelReason string,7 fragment bool,11 events *WatchEvent',
  WatchEvent: '1 type int32,2 kv KeyValue',
  LeaseGrantRequest: '1 ttl int64,2 id bigint64',
  LeaseGrantResponse: '1 header Header,2 id bigint64,3 ttl int64',
  MemberListRequest: '1 linearizable bool',
  MemberListResponse: '1 header Header,2 members *Member',
  Member: '1 id biguint64,2 name string,3 peerUrls *string,4 clientUrls *string,5 isLearner bool',
  AlarmRequest: '1 action int32,2 memberId biguint64,3 alarm int32',
  AlarmResponse: '1 header Header,2 alarms *AlarmMember',
  AlarmMember: '1 memberId biguint64,2 alarm int32',
  StatusRequest: '',
  StatusResponse:
    '1 header Header,2 version string,3 dbSize int64,4 leader biguint64,8 errors *string,9 dbSizeInUse int64,10 isLearner bool,12 dbSizeQuota int64',
  DefragmentRequest: '',
  DefragmentResponse: '1 header Header',
  SnapshotRequest: '',
  SnapshotResponse: '1 header Header,2 remainingBytes uint64,3 blob bytes',
  AuthenticateRequest: '1 name string,2 password string',
  AuthenticateResponse: '1 header Header,2 token string',
};
