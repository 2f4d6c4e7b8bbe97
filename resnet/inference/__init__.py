"""How a picture gets its answer: decoded safely, asked of a net on a device, by one thread, in batches."""
