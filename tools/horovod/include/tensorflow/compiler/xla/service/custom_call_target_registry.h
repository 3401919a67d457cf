#pragma once  // stands in for a header that TensorFlow's wheel does not ship; see tools/horovod/build.sh
