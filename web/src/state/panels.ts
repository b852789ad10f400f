/** What the panels of a project show: plain JSON, kept in the address and in saved views. */

export type PanelsState = { readonly [key: string]: unknown };

/** What a project shows before anybody chose anything. */
export const DEFAULT_PANELS: PanelsState = {};
