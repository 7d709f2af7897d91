import { InvalidArgumentError } from 'commander';
import { MOMENT_FORMS, parseMoment, type Moment } from '../moment.js';

/** For the value of `--from` and `--to`. */
export function moment(text: string): Moment {
  const parsed = parseMoment(text);
  if (parsed === undefined) {
    throw new InvalidArgumentError(`It must be ${MOMENT_FORMS}.`);
  }
  return parsed;
}
