/** The questions of the people's page, one function each, and what is answered. Times are seconds since 1970. */

import type { KeyInfo, NewKey, PersonInfo, Share as ShareInfo, TeamInfo } from "./api";
import { apiAddress, deleteJson, getJson, postJson, putJson, withQuery, type Ask } from "./http";

export type { KeyInfo, NewKey, PersonInfo, Share as ShareInfo, TeamInfo } from "./api";

export const ROLES = ["admin", "member", "viewer"] as const;
export const ACCESSES = ["private", "read", "write"] as const;
export type Role = TeamInfo["members"][string];
export type Access = ShareInfo["access"];

function ofPeople(...parts: readonly string[]): string {
  return apiAddress("people", ...parts);
}

export function fetchMe(ask: Ask = {}): Promise<PersonInfo> {
  return getJson(ofPeople("me"), ask);
}

/** The keys of `user`, for admins; null is oneself. */
export function fetchUserKeys(user: string | null, ask: Ask = {}): Promise<readonly KeyInfo[]> {
  return getJson(withQuery(ofPeople("keys"), { user }), ask);
}

export function createKey(description: string, user: string | null = null): Promise<NewKey> {
  return postJson(ofPeople("keys"), { description, user });
}

export function revokeKey(keyId: string): Promise<void> {
  return deleteJson(ofPeople("keys", keyId));
}

export function fetchUsers(ask: Ask = {}): Promise<readonly PersonInfo[]> {
  return getJson(ofPeople("users"), ask);
}

export function addUser(name: string, email: string | null, isAdmin: boolean): Promise<NewKey> {
  return postJson(ofPeople("users"), { name, email, is_admin: isAdmin });
}

export function removeUser(name: string): Promise<void> {
  return deleteJson(ofPeople("users", name));
}

export function fetchTeams(ask: Ask = {}): Promise<readonly TeamInfo[]> {
  return getJson(ofPeople("teams"), ask);
}

export function addTeam(name: string, members: Readonly<Record<string, Role>>): Promise<TeamInfo> {
  return postJson(ofPeople("teams"), { name, members });
}

export function removeTeam(name: string): Promise<void> {
  return deleteJson(ofPeople("teams", name));
}

export function setMember(team: string, user: string, role: Role): Promise<TeamInfo> {
  return putJson(ofPeople("teams", team, "members", user), { role });
}

export function removeMember(team: string, user: string): Promise<void> {
  return deleteJson(ofPeople("teams", team, "members", user));
}

export function fetchShares(ask: Ask = {}): Promise<readonly ShareInfo[]> {
  return getJson(ofPeople("shares"), ask);
}

export function shareProject(entity: string, project: string, access: Access): Promise<ShareInfo> {
  return putJson(ofPeople("shares", entity, project), { access });
}
