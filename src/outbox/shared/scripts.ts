/**
 * The Lua scripts that run in Redis: each is atomic. A script that frees memory begins with a command that needs none, so
 * that Redis runs it although its memory is full.
 */
import { createHash } from 'node:crypto';
import { messageOf } from '../../base/errors.js';
import type { RedisClient } from '../../redis/redis-link.js';

export interface Script {
  readonly source: string;
  readonly sha: string;
}

function script(source: string): Script {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

/** Runs a script by its hash. The first run after a start of Redis sends its source. */
export async function runScript(
  client: RedisClient,
  { source, sha }: Script,
  keys: readonly string[],
  values: readonly (string | number)[],
): Promise<unknown> {
  const options = { keys: [...keys], arguments: values.map(String) };
  try {
    return await client.evalSha(sha, options);
  } catch (error) {
    if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
    return await client.eval(source, options);
  }
}

/** Keys: session, ids. Values: session, expiry in milliseconds. Makes earlier sessions invalid. */
export const BEGIN_SESSION = script(`
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return redis.call('HLEN', KEYS[2])
`);

/**
 * Keys: session, ids, stream. Values: session, origin, then id, camera, time and JSON of each item. Adds the items that are
 * not there yet. Returns null when the session is not valid.
 */
export const ADD = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local added = 0
for i = 3, #ARGV, 4 do
  if redis.call('HSETNX', KEYS[2], ARGV[i], '') == 1 then
    local entry = redis.call('XADD', KEYS[3], '*', 'id', ARGV[i], 'camera', ARGV[i + 1], 'stored', ARGV[i + 2],
      'json', ARGV[i + 3], 'origin', ARGV[2])
    redis.call('HSET', KEYS[2], ARGV[i], entry)
    added = added + 1
  end
end
return added
`);

/** Keys: session, done. Values: session, limit. Returns the oldest results, or null as ADD. */
export const DONE = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
return redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', ARGV[2])
`);

/** Keys: done, ids. Values: for each result its entry id in done, the item id, and the item's entry id. Removes the results. */
export const FORGET = script(`
for i = 1, #ARGV, 3 do
  redis.call('XDEL', KEYS[1], ARGV[i])
  if redis.call('HGET', KEYS[2], ARGV[i + 1]) == ARGV[i + 2] then redis.call('HDEL', KEYS[2], ARGV[i + 1]) end
end
return 1
`);

/**
 * Keys: session, ids, stream, done. Values: session, expiry in milliseconds, ids. Returns the ids that are neither in the
 * stream nor done, or null as ADD.
 */
export const LOST = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
for i = 1, #KEYS do
  if i ~= 3 then redis.call('PEXPIRE', KEYS[i], ARGV[2]) end
end
local all_done_known = redis.call('XLEN', KEYS[4]) == 0
local lost = {}
for i = 3, #ARGV do
  local entry = redis.call('HGET', KEYS[2], ARGV[i])
  if not entry then
    lost[#lost + 1] = ARGV[i]
  elseif all_done_known and #redis.call('XRANGE', KEYS[3], entry, entry) == 0 then
    redis.call('HDEL', KEYS[2], ARGV[i])
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
`);

/**
 * Keys: sender, waiting, stream. Values: origin, lease, validity in milliseconds, group, and the time in milliseconds
 * within which a waiting origin must ask again. An origin can replace its own lease. Returns 1 when the origin has the
 * lease, and 0 when another origin has it; the caller's origin then counts as waiting.
 */
export const TAKE_LEASE = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[5])
local holder = redis.call('GET', KEYS[1])
if holder and string.sub(holder, 1, #ARGV[1]) ~= ARGV[1] then
  redis.call('ZADD', KEYS[2], now, ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
  return 0
end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
local made = redis.pcall('XGROUP', 'CREATE', KEYS[3], ARGV[4], '0', 'MKSTREAM')
if type(made) == 'table' and made.err and not string.find(made.err, 'BUSYGROUP') then return made end
return 1
`);

/** Keys: sender, waiting. Values: lease, validity in milliseconds. Returns how many wait, or null when it is not valid. */
export const KEEP_LEASE = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[2])
`);

/** Keys: sender. Values: lease. */
export const RELEASE_LEASE = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`);

/**
 * Keys: sender, stream. Values: lease, group, consumer, first entry, limit. Returns the next start and the entries that were
 * read and not settled, or null when the lease is not valid.
 */
export const CLAIM = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local reply = redis.call('XAUTOCLAIM', KEYS[2], ARGV[2], ARGV[3], 0, ARGV[4], 'COUNT', ARGV[5])
return {reply[1], reply[2]}
`);

/**
 * Keys: sender, stream. Values: lease, group, consumer, maximum entries, maximum bytes. Returns entries that were never
 * read, or null when the lease is not valid.
 */
export const READ = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local found = {}
local bytes = 0
while #found < tonumber(ARGV[4]) and bytes < tonumber(ARGV[5]) do
  local reply = redis.call('XREADGROUP', 'GROUP', ARGV[2], ARGV[3], 'COUNT', 1, 'STREAMS', KEYS[2], '>')
  if not reply then break end
  for _, entry in ipairs(reply[1][2]) do
    found[#found + 1] = entry
    for _, text in ipairs(entry[2]) do bytes = bytes + #text end
  end
end
return found
`);

/**
 * Keys: stream, then the done stream of each item's origin. Values: group, expiry in milliseconds, time, then entry, id and
 * refusal of each item. Ignores an entry that is not there or has another id: it was settled before, or is lost.
 */
export const SETTLE = script(`
for i = 2, #KEYS do
  local at = 4 + (i - 2) * 3
  local there = redis.call('XRANGE', KEYS[1], ARGV[at], ARGV[at])
  if #there == 1 then
    local is_same = false
    for f = 1, #there[1][2], 2 do
      if there[1][2][f] == 'id' and there[1][2][f + 1] == ARGV[at + 1] then is_same = true end
    end
    if is_same then
      redis.call('XACK', KEYS[1], ARGV[1], ARGV[at])
      redis.call('XDEL', KEYS[1], ARGV[at])
      redis.call('XADD', KEYS[i], '*', 'id', ARGV[at + 1], 'entry', ARGV[at], 'refusal', ARGV[at + 2], 'at', ARGV[3])
      redis.call('PEXPIRE', KEYS[i], ARGV[2])
    end
  end
end
return 1
`);
