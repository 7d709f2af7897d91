/** What an event is about. */
export const EVENT_TYPES = ['camera', 'recording', 'annotations', 'passthrough', 'redis', 'webhooks'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Something that an operator may want to know at once. */
export interface ProxyEvent {
  /** UUID of version 7: sorts behind those before it. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly type: EventType;
  /** '' = it is about the whole proxy. */
  readonly camera: string;
  readonly state: string;
  /** A word for programs; '' = none. */
  readonly reason: string;
  /** A sentence for a person, masked; '' = the state says it all. */
  readonly message: string;
}

/** How something is at the moment. A change of its state or reason is an event. */
export interface Condition extends Omit<ProxyEvent, 'id' | 'atMs'> {
  /** That it has been so from the beginning is no event. */
  readonly isUsual: boolean;
}
