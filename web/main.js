// @ts-check
import { prepareAddForm } from './add-form.js';
import { prepareAnnotations } from './annotations-panel.js';
import { refresh, startList } from './camera-list.js';
import { prepareCloudForm } from './cloud-form.js';
import { prepareDialogs } from './dialogs.js';

prepareDialogs();
prepareAddForm(() => void refresh());
prepareAnnotations(() => void refresh());
prepareCloudForm(() => void refresh());
startList();
