import {
  ServerInterceptingCall,
  status,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';

import { ChrysError } from '../base/errors.js';
import { statusOf } from './status.js';

type Listener = Parameters<ServerInterceptingCallInterface['start']>[0];

/** Handles one call. An error that it throws ends the call with the status of that error. */
export interface CallHandler<Request> {
  /** Handles a request. The next one follows only after `call.read()`. */
  onRequest(request: Request): void;
  /** The client sends no further requests. */
  onHalfClose(): void;
  /** The call has ended. Nothing can be sent any more. */
  onEnd(): void;
}

/** The operations of a handler on its call. */
export interface DirectCall {
  readonly peer: string;
  /** Milliseconds since the epoch, or Infinity. */
  readonly deadlineMs: number;
  /** Requests the next message of the client. */
  read(): void;
  /**
   * Calls `sent` when the connection has taken the message. It is not called when the call ended first, because the
   * connection may then still be reading the message.
   */
  send(message: unknown, sent: () => void): void;
  /** Ends the call with OK. If it follows `send` without a pause, the message and the status leave in one write. */
  finish(): void;
  /** Ends the call with the status of the error. Does nothing if the call has ended. */
  fail(error: unknown): void;
}

export type DirectHandlers = Readonly<Record<string, (call: DirectCall) => CallHandler<never>>>;

/**
 * Answers the RPCs of these paths through the interceptor interface of grpc-js, below its Node streams. In a call for a small
 * frame, a Node stream with its events, iterators and abort signals takes half of the main thread's time
 * (docs/design/performance.md).
 */
export function directCalls(handlers: DirectHandlers): ServerInterceptor {
  return (method, call) => {
    const handler = Object.hasOwn(handlers, method.path) ? handlers[method.path] : undefined;
    if (handler === undefined) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: () => {
        // The handler that is registered with grpc-js for this path is not called.
        call.start(listenerOf(call, handler, method.requestStream));
      },
    });
  };
}

/** `mayBeEmpty`: the call may end without a request. */
function listenerOf(
  call: ServerInterceptingCallInterface,
  handlerOf: (call: DirectCall) => CallHandler<never>,
  mayBeEmpty: boolean,
): Listener {
  let hadRequest = false;
  const direct = directCallOf(call);
  const handler = handlerOf(direct);
  return {
    onReceiveMetadata: () => {
      call.startRead();
    },
    onReceiveMessage: (request: never) => {
      hadRequest = true;
      guarded(direct, () => {
        handler.onRequest(request);
      });
    },
    onReceiveHalfClose: () => {
      guarded(direct, () => {
        if (!hadRequest && !mayBeEmpty) {
          throw new ChrysError('invalid_argument', 'The call ended without a request. Send one message.');
        }
        handler.onHalfClose();
      });
    },
    onCancel: () => {
      handler.onEnd();
    },
  };
}

function directCallOf(call: ServerInterceptingCallInterface): DirectCall {
  let ended = false;
  const end = (outcome: { code: status; details: string }): void => {
    if (ended) return;
    ended = true;
    call.sendStatus(outcome);
  };
  const direct: DirectCall = {
    peer: call.getPeer(),
    deadlineMs: deadlineMsOf(call),
    read: () => {
      call.startRead();
    },
    send: (message, sent) => {
      // All callers of a camera are served in one loop, and an error of one caller must not end that loop.
      guarded(direct, () => {
        call.sendMessage(message, sent);
      });
    },
    finish: () => {
      end({ code: status.OK, details: '' });
    },
    fail: (error) => {
      end(statusOf(error));
    },
  };
  return direct;
}

/** An error that `action` throws ends the call. */
function guarded(call: DirectCall, action: () => void): void {
  try {
    action();
  } catch (error) {
    call.fail(error);
  }
}

function deadlineMsOf(call: ServerInterceptingCallInterface): number {
  const deadline = call.getDeadline();
  return typeof deadline === 'number' ? deadline : deadline.getTime();
}
