// @ts-check
import { prepareAddForm } from './add-form.js';
import { refresh, startList } from './camera-list.js';
import { prepareDialogs } from './dialogs.js';

prepareDialogs();
prepareAddForm(() => void refresh());
startList();
