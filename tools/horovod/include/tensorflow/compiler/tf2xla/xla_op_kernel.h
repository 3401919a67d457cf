#pragma once
// Stands in for a header that TensorFlow's wheel does not ship; see tools/horovod/build.sh.
// Horovod compiles the body of xla_mpi_ops.cc only where this is defined, and it needs the real header there.
#undef HAVE_GPU
