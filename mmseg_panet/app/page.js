// Gradio shows the name of a file that it refuses as HTML. Without a `<`, it
// is text.
() => {
  const isRefused = (file, input) => {
    const kinds = input ? input.accept.split(',') : [];
    return file.size > (window.gradio_config?.max_file_size || 0)
      || !kinds.some((one) => file.name.toLowerCase().endsWith(one.trim()));
  };
  const isUnsafe = (file, input) => file.name.includes('<')
    && isRefused(file, input);
  const safe = (files, input) => {
    const renamed = new DataTransfer();
    for (const file of files) {
      renamed.items.add(isUnsafe(file, input) ? new File(
        [file], file.name.replaceAll('<', '_'), {type: file.type}) : file);
    }
    return renamed;
  };
  const anyUnsafe = (files, input) => [...files].some(
    (file) => isUnsafe(file, input));
  document.addEventListener('change', ({target}) => {
    if (target.type === 'file' && anyUnsafe(target.files, target)) {
      target.files = safe(target.files, target).files;
    }
  }, true);
  document.addEventListener('drop', (event) => {
    const files = event.dataTransfer?.files || [];
    const input = event.target.closest('.block')?.querySelector(
      'input[type=file]');
    if (!anyUnsafe(files, input)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    event.target.dispatchEvent(new DragEvent('drop', {
      bubbles: true, cancelable: true, dataTransfer: safe(files, input)}));
  }, true);
  // What is removed cannot be had back.
  const questions = {
    'remove-class': 'Remove this class, with its marks on all images?',
    'remove-image': 'Remove this image, with its marks?',
  };
  document.addEventListener('click', (event) => {
    const question = questions[event.target.closest('button')?.id];
    if (question && !window.confirm(question)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }, true);
  // A reload starts over.
  window.addEventListener('beforeunload', (event) => {
    if (document.querySelector('#gallery img')) event.preventDefault();
  });
}
