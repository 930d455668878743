useradd -M nora
