/** What the server answers, under the names of the page; `api.ts` has what they are. */

import type { RunColumn } from "./api";

export type {
  BulkAnswer,
  FacetValue as Facet,
  ProjectInfo,
  RunColumn as ColumnInfo,
  RunColumnList as ColumnList,
  RunColumnsPage as ColumnsPage,
  RunColumnsQuery as ColumnsQuery,
  RunEdit,
  RunGroup,
  SessionInfo as Session,
  ViewInfo,
  ViewPut,
} from "./api";

export type ColumnKind = RunColumn["kind"];
